"""Two clients of one mesh: one whose program works as it should, and one whose program attacks."""

from dataclasses import dataclass
from typing import Any, Final

from adjutant.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from services.ports import port_of
from tests.support.identities import Hierarchy, open_as, owner_token
from tests.support.processes import LiveMesh

_LONG_TASKS: Final = 12
_LONG_TEXT_BYTES: Final = 200_000


@dataclass(frozen=True)
class Tenant:
    """A project, and the token of a program that may work in it."""

    project: str
    token: str


@dataclass(frozen=True)
class Tenants:
    """Who is on the mesh."""

    witness: Tenant
    enemy: Tenant
    owner_token: str


async def make_tenants(mesh: LiveMesh) -> Tenants:
    """Make both, and give the enemy tasks that are long to list."""
    address = f"127.0.0.1:{port_of('orchestrator', mesh.port_base)}"
    owner = owner_token(mesh.data_dir)
    async with open_as(address, owner) as channel:
        hierarchy = Hierarchy(channel)
        witness, enemy = [await _make(hierarchy, name) for name in ("good", "evil")]
    async with open_as(address, enemy.token) as channel:
        stub: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        text = "- [ ] say\n  run: true\n\n" + "x" * _LONG_TEXT_BYTES
        for _ in range(_LONG_TASKS):
            await stub.SubmitTask(
                task_service_pb2.SubmitTaskRequest(parent=enemy.project, instructions=text)
            )
    return Tenants(witness, enemy, owner)


async def _make(hierarchy: Hierarchy, client_id: str) -> Tenant:
    client = await hierarchy.client(client_id)
    project = await hierarchy.project(client, "work")
    _, token = await hierarchy.key(project, "EDITOR")
    return Tenant(project, token)
