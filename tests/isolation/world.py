"""The world of the proof: a mesh, a victim with two projects, an attacker, and a control group."""

import contextlib
import unittest.mock
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from services.mesh.access.contract import Method, Permission
from tests.isolation.planted import (
    TOKEN_FILE,
    Planted,
    plant_chat,
    plant_client,
    plant_project,
    plant_traces,
)
from tests.isolation.who import sibling_subject
from tests.isolation.wire import Mesh, Metadata
from tests.support.identities import Issuer, bearer, owner_token, service_token
from tests.support.mesh import mesh_in_process

# The proof makes more calls than anybody may; what limits do is shown elsewhere.
_NO_LIMITS = {
    f"{limit}": 0
    for limit in (
        "rate_limit_user_per_minute",
        "rate_limit_key_per_minute",
        "rate_limit_client_per_minute",
        "rate_limit_failures_per_minute",
        "max_streams_user",
        "max_streams_key",
        "max_streams_client",
    )
}
ROLES = {"VIEWER": "viewer", "AGENT": "agent", "EDITOR": "editor"}


@dataclass
class World:
    """Everything that the proof needs."""

    mesh: Mesh
    data_dir: Path
    folder: Path
    issuer: Issuer
    victim: Planted
    sibling: Planted
    """A project of the victim's client whose member attacks."""
    own: Planted
    """The attacker's project, of a client of their own."""
    control: Planted
    """A project that its rightful owner uses and removes."""

    @property
    def roles(self) -> dict[str, str]:
        """Subjects of the victim's members, by their role."""
        client_id = self.victim.client.partition("/")[2]
        return {role: f"{client_id}-{suffix}" for role, suffix in ROLES.items()}

    def owner_of(self, planted: Planted) -> str:
        """Return a token of the owner of a client."""
        return self.issuer.token(f"{planted.client.partition('/')[2]}-owner")

    def rightful(self, method: Method) -> Metadata:
        """Return the credential of whoever may call a method on what the control group has."""
        if method.access and method.access.own_credential:
            return ()
        if method.permission == Permission.PERMISSION_MESH_MANAGE:
            return bearer(owner_token(self.data_dir))
        if method.permission == Permission.PERMISSION_CREDENTIALS_USE:
            return bearer(service_token(self.data_dir, "agent_runner"))
        return bearer(self.owner_of(self.control))


@contextlib.asynccontextmanager
async def make_world(folder: Path) -> AsyncIterator[World]:
    """Run a mesh and plant everything in it."""
    issuer = Issuer(folder / "issuer")
    # Nor may a key be guessed as often as here.
    patch = unittest.mock.patch("services.mesh.identity.attempts.BURST", 10**9)
    # An approval that expires by itself would be taken for one that an attacker changed.
    timeouts = {f"approval_timeout_{risk}_s": 86400.0 for risk in ("medium", "high")}
    settings = {
        **_NO_LIMITS,
        **timeouts,
        "jwt_issuers": [issuer.setting],
        "stream_heartbeat_s": 0.1,
    }
    with patch:
        async with mesh_in_process(folder / "mesh", **settings) as running:
            mesh = Mesh(running.port_base, owner_token(running.data_dir))
            try:
                await mesh.discover()
                yield await _plant(mesh, running.data_dir, folder, issuer)
            finally:
                for file in folder.glob(f"*{TOKEN_FILE}*"):
                    file.unlink()  # the runs that were made to go on end
                await mesh.close()


async def _plant(mesh: Mesh, data_dir: Path, folder: Path, issuer: Issuer) -> World:
    clients = [await plant_client(mesh, name) for name in ("victim", "attacker", "control")]
    victim_client, own_client, control_client = clients
    for client in clients:
        await mesh.hierarchy.member(client, f"{client.partition('/')[2]}-owner", "OWNER")
    victim = await plant_project(mesh, victim_client, folder)
    sibling = await plant_project(mesh, victim_client, folder)
    own = await plant_project(mesh, own_client, folder)
    control = await plant_project(mesh, control_client, folder)
    for planted in (victim, sibling, own, control):
        await plant_traces(data_dir, planted)
    world = World(mesh, data_dir, folder, issuer, victim, sibling, own, control)
    await mesh.hierarchy.member(sibling.project, sibling_subject(sibling), "OWNER")
    for planted in (victim, sibling, own, control):
        await plant_chat(mesh, planted, bearer(world.owner_of(planted)), data_dir)
    for role, subject in world.roles.items():
        await mesh.hierarchy.member(victim.project, subject, role)
    return world
