"""Connections: sealed, inherited, chosen, changed, and sealed anew."""

import pathlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from google.protobuf import field_mask_pb2

from adjutant.orchestrator.v1 import connection_pb2
from adjutant.orchestrator.v1 import connection_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.secrets import ring_file
from services.mesh.secrets.envelope import Vault
from services.mesh.secrets.keys import FileKeys
from services.mesh.store import Store, open_store
from services.orchestrator.tenancy.connections import PURPOSE, Connections
from services.orchestrator.tenancy.rewrapping import Rewrapping
from services.orchestrator.tenancy.stored_connection import CONNECTIONS, ConnectionRecord

CLIENT, GROUP = "clients/acme", "clients/acme/groups/back"
PROJECT, OTHER = "clients/acme/projects/web", "clients/acme/projects/app"
HOST = "https://git.example.com"
SECRET = "planted-secret-1"


async def chain(project: str) -> Sequence[str]:
    return (PROJECT, GROUP, CLIENT) if project == PROJECT else (project, CLIENT)


class Bench:
    def __init__(self, store: Store, folder: pathlib.Path) -> None:
        self.store = store
        self.folder = folder
        self.ring = folder / "secrets" / "master.keys"
        ring_file.make_if_missing(self.ring)
        vault = Vault(FileKeys(self.ring), PURPOSE)
        self.connections = Connections(store, vault, chain, lambda _: None, folder / "sealing.lock")
        self.rewrapping = Rewrapping(store, vault, self.connections)

    async def make(
        self,
        parent: str,
        connection_id: str = "git",
        prefix: str = HOST,
        secret: str = SECRET,
        request_id: str = "",
        username: str = "",
    ) -> ConnectionRecord:
        connection = connection_pb2.Connection(uri_prefix=prefix, username=username)
        return await self.connections.create(
            pb.CreateConnectionRequest(
                parent=parent,
                connection_id=connection_id,
                connection=connection,
                secret=secret,
                request_id=request_id,
            )
        )

    async def used(self, uri: str, project: str = PROJECT) -> str:
        """Return the name of the connection that is used, with its secret."""
        try:
            found = await self.connections.use(project, uri)
        except AdjutantError as error:
            return error.reason
        return f"{found.record.name} {found.secret}"

    async def update(self, name: str, *paths: str, secret: str = "", **fields: Any) -> None:
        await self.connections.update(
            pb.UpdateConnectionRequest(
                name=name,
                connection=connection_pb2.Connection(**fields),
                update_mask=field_mask_pb2.FieldMask(paths=paths),
                secret=secret,
            )
        )


@pytest.fixture
async def bench(tmp_path: pathlib.Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path / "store" / "store.db", [CONNECTIONS])
    yield Bench(store, tmp_path)
    await store.close()


async def refused(reason: str, call: object) -> AdjutantError:
    with pytest.raises(AdjutantError) as caught:
        await call  # type: ignore[misc]
    assert caught.value.reason == reason
    return caught.value


async def test_no_byte_of_a_secret_is_stored(bench: Bench) -> None:
    made = await bench.make(PROJECT, request_id="r1")
    await bench.update(made.name, "secret", secret=SECRET + "-new")
    assert await bench.used(f"{HOST}/a") == f"{made.name} {SECRET}-new"
    files = [path for path in bench.folder.rglob("*") if path.is_file()]
    assert any("store.db" in path.name for path in files)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path


async def test_of_one_id_the_nearest_hides_the_others(bench: Bench) -> None:
    await bench.make(CLIENT, secret="of-client")
    assert await bench.used(f"{HOST}/a") == f"{CLIENT}/connections/git of-client"
    await bench.make(GROUP, secret="of-group")
    assert await bench.used(f"{HOST}/a") == f"{GROUP}/connections/git of-group"
    await bench.make(PROJECT, prefix="https://elsewhere.example.com", secret="of-project")
    assert await bench.used(f"{HOST}/a") == "NOT_FOUND"
    assert await bench.used(f"{HOST}/a", OTHER) == f"{CLIENT}/connections/git of-client"


async def test_the_longest_prefix_is_used_and_of_those_the_nearest(bench: Bench) -> None:
    await bench.make(CLIENT, "deep", f"{HOST}/team/web", "deep-client")
    await bench.make(PROJECT, "host", HOST, "host-project")
    await bench.make(GROUP, "team-g", f"{HOST}/team", "team-group")
    await bench.make(CLIENT, "team-c", f"{HOST}/team", "team-client")
    for uri, expected in (
        (f"{HOST}/other", "host-project"),
        (f"{HOST}/teams/x", "host-project"),
        (f"{HOST}/team/x", "team-group"),
        (f"{HOST}/team/web", "deep-client"),
        (f"{HOST}/team/web/y.git", "deep-client"),
        (f"{HOST}/team/web.git", "team-group"),
    ):
        assert (await bench.used(uri)).endswith(f" {expected}"), uri
    listed = await bench.connections.connections_of(await chain(PROJECT))
    assert [each.name.split("/")[-1] for each in listed] == ["host", "team-g", "deep", "team-c"]
    assert all(each.has_secret for each in listed)


async def test_another_project_or_client_gets_nothing(bench: Bench) -> None:
    await bench.make(PROJECT)
    for project in (OTHER, "clients/other/projects/web", "clients/acme/projects/web2"):
        assert await bench.used(f"{HOST}/a", project) == "NOT_FOUND"


async def test_a_repeated_request_makes_one_connection(bench: Bench) -> None:
    first = await bench.make(PROJECT, request_id="r1")
    again = await bench.make(PROJECT, request_id="r1")
    assert again == first
    error = await refused("REQUEST_ID_REUSED", bench.make(PROJECT, secret="x-2", request_id="r1"))
    assert SECRET not in error.message
    await refused("REQUEST_ID_REUSED", bench.make(PROJECT, prefix=HOST + "/b", request_id="r1"))
    await refused("ALREADY_EXISTS", bench.make(PROJECT, request_id="r2"))


async def test_a_new_prefix_needs_the_secret_anew(bench: Bench) -> None:
    made = await bench.make(PROJECT)
    moved = {"uri_prefix": "https://evil.example.org"}
    for paths in (("uri_prefix",), (), ("uri_prefix", "secret")):
        error = await refused("INVALID_REQUEST", bench.update(made.name, *paths, **moved))
        assert error.field == "secret"
    assert await bench.used(f"{HOST}/a") == f"{made.name} {SECRET}"
    await bench.update(made.name, "uri_prefix", uri_prefix="HTTPS://git.example.com:443/")
    await bench.update(made.name, "uri_prefix", "secret", secret="another", **moved)
    assert await bench.used("https://evil.example.org/a") == f"{made.name} another"


async def test_a_secret_that_the_mask_does_not_name_frees_no_prefix(bench: Bench) -> None:
    made = await bench.make(PROJECT)
    moved = "https://evil.example.org"
    await refused(
        "INVALID_REQUEST",
        bench.update(made.name, "uri_prefix", secret="mine", uri_prefix=moved),
    )
    assert await bench.used(moved) == "NOT_FOUND"


async def test_only_what_the_mask_names_is_changed(bench: Bench) -> None:
    made = await bench.make(PROJECT, username="ada")
    await bench.update(made.name, "display_name", display_name="Git", username="eve")
    changed = await bench.connections.get(made.name)
    assert (changed.display_name, changed.username) == ("Git", "ada")
    await bench.update(made.name, "secret")
    assert (await bench.connections.get(made.name)).secret is None
    assert await bench.used(f"{HOST}/a") == f"{made.name} "
    await refused("INVALID_REQUEST", bench.update(made.name, "name", display_name="x"))
    await refused("CONCURRENT_CHANGE", bench.update(made.name, display_name="x", etag="0"))


@pytest.mark.parametrize("secret", ["a\nb", "a\r", "\0"])
async def test_a_secret_is_one_line(bench: Bench, secret: str) -> None:
    assert (await refused("INVALID_REQUEST", bench.make(PROJECT, secret=secret))).field == "secret"


@pytest.mark.parametrize("prefix", ["https://a/../b", "https://a/%2e%2e", "https://a//b"])
async def test_a_prefix_reads_in_one_way(bench: Bench, prefix: str) -> None:
    await refused("INVALID_REQUEST", bench.make(PROJECT, prefix=prefix))


async def test_what_is_deleted_is_gone(bench: Bench) -> None:
    made = await bench.make(PROJECT)
    await bench.connections.delete(made.name)
    assert await bench.used(f"{HOST}/a") == "NOT_FOUND"
    await refused("NOT_FOUND", bench.connections.get(made.name))
    await refused("NOT_FOUND", bench.connections.delete(made.name))
    await bench.make(PROJECT, secret="fresh")
    assert await bench.used(f"{HOST}/a") == f"{made.name} fresh"


async def test_rewrapping_takes_every_secret_once(bench: Bench) -> None:
    for number in range(5):
        await bench.make(PROJECT, f"c{number}", f"{HOST}/{number}", f"secret-{number}")
    await bench.make(PROJECT, "none", f"{HOST}/none", "")
    before = {each.name: each.secret async for each in bench.store.scan(CONNECTIONS, {})}
    new_id = ring_file.add_key(bench.ring)
    done = await bench.rewrapping.run()
    assert (done.master_key, done.count, done.unreadable) == (new_id, 5, [])
    ring_file.keep_only(bench.ring, new_id)
    async for record in bench.store.scan(CONNECTIONS, {}):
        old = before[record.name]
        if record.secret and old:
            assert record.secret.ciphertext == old.ciphertext, "the secrets are not touched"
    assert (await bench.used(f"{HOST}/3")).endswith(" secret-3")
    assert (await bench.rewrapping.run()).count == 0


async def test_what_cannot_be_read_is_named_and_left(bench: Bench) -> None:
    lost = await bench.make(PROJECT, "lost", f"{HOST}/lost")
    ring_file.keep_only(bench.ring, ring_file.add_key(bench.ring))
    kept = await bench.make(PROJECT, "kept", f"{HOST}/kept")
    ring_file.add_key(bench.ring)
    done = await bench.rewrapping.run()
    assert (done.count, done.unreadable) == (1, [lost.name])
    assert await bench.used(f"{HOST}/lost") == "SECRET_UNREADABLE"
    assert await bench.used(f"{HOST}/kept") == f"{kept.name} {SECRET}"
    assert (await bench.connections.get(lost.name)).secret == lost.secret
