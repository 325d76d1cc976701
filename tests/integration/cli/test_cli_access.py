"""The commands about the hierarchy, members, keys and the audit log, on a real orchestrator."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.mesh.app import run_service
from services.mesh.embedded import EmbeddedNats
from services.orchestrator.app import SERVICE
from services.ports import OFFSETS, free_port_base
from tests.integration.cli.conftest import PROGRAM, Outcome, environment
from tests.support.identities import owner_token

Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def adjutant(tmp_path: Path) -> AsyncIterator[Run]:
    """Run commands as the owner, or with another token."""
    data, port_base = tmp_path / "data", free_port_base()
    nats = await EmbeddedNats.start(data, port_base)
    ready, stop = asyncio.Event(), asyncio.Event()
    settings = SERVICE.settings(data_dir=data, port_base=port_base)
    running = asyncio.create_task(run_service(SERVICE, settings, stop, ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    address = f"127.0.0.1:{port_base + OFFSETS['orchestrator']}"

    async def run(*arguments: str, token: str = "") -> Outcome:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            env=environment(address, ADJUTANT_TOKEN=token or owner_token(data)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        assert "Traceback" not in err.decode()
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    yield run
    stop.set()
    await running
    await nats.stop()


async def read(run: Run, *arguments: str) -> list[dict[str, Any]]:
    done = await run(*arguments, "--json")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


async def test_a_hierarchy_is_made_changed_shown_and_removed(adjutant: Run) -> None:
    at = ("--client", "acme")
    assert (await adjutant("clients", "create", "acme", "--name", "Acme")).code == 0
    assert (await adjutant("groups", "create", "shops", *at)).code == 0
    made = await adjutant("projects", "create", "web", "--group", "shops", "--name", "Web", *at)
    assert made.out.splitlines()[0] == "clients/acme/projects/web"
    assert "clients/acme/groups/shops" in made.out
    await adjutant("groups", "update", "shops", "--approval-policy", "approve", *at)
    effective = await adjutant("projects", "effective", "web", *at)
    assert "approve  (clients/acme/groups/shops)" in effective.out
    listed = (await adjutant("projects", "list", *at)).out.splitlines()
    assert listed[0].split() == ["project", "group", "created", "name"]
    assert listed[1].split()[:2] == ["web", "shops"]
    (out,) = await read(adjutant, "projects", "update", "web", "--group", "", *at)
    assert "group" not in out
    (inherited,) = await read(
        adjutant, "groups", "update", "shops", "--approval-policy", "inherit", *at
    )
    assert "approvalPolicy" not in inherited["settings"]
    full = await adjutant("clients", "delete", "acme")
    assert full.code == 2
    assert "delete those first" in full.err
    for noun, name in (("projects", "web"), ("groups", "shops"), ("clients", "acme")):
        done = await adjutant(noun, "delete", name, *at)
        assert (done.code, "not given again" in done.out) == (0, True)
    assert (await adjutant("clients", "show", "acme")).code == 2


async def test_members_are_set_listed_and_removed(adjutant: Run) -> None:
    done = await adjutant("members", "set", "users/ada", "editor")
    assert done.out == "users/ada is editor of clients/default/projects/default.\n"
    await adjutant("members", "set", "users/bob", "owner", "--at", "client")
    (member,) = await read(adjutant, "members", "list")
    assert (member["principal"], member["role"]) == ("users/ada", "ROLE_EDITOR")
    (above,) = await read(adjutant, "members", "list", "--at", "client")
    assert above["principal"] == "users/bob"
    table = (await adjutant("members", "list")).out.splitlines()
    assert table[1].split()[:2] == ["users/ada", "editor"]
    assert (await adjutant("members", "remove", "users/ada")).code == 0
    assert "no members" in (await adjutant("members", "list")).out
    last = await adjutant("members", "remove", "users/bob", "--at", "clients/default")
    assert (last.code, "without an owner" in last.err) == (2, True)


async def test_a_key_is_made_used_and_revoked(adjutant: Run) -> None:
    made = await adjutant("keys", "create", "--role", "agent", "--expires", "30d", "--name", "ci")
    assert made.code == 0
    assert "shown this once" in made.err
    name, token = made.out.splitlines()[0], made.out.splitlines()[-1]
    assert "ends" in made.out
    me = await adjutant("whoami", token=token)
    assert me.out.splitlines()[0] == name
    assert "agent       clients/default/projects/default" in me.out
    assert (await adjutant("keys", "list", token=token)).code == 2
    listed = await adjutant("keys", "list")
    assert token not in listed.out
    assert listed.out.splitlines()[1].split()[1:3] == ["ACTIVE", "agent"]
    revoked = await adjutant("keys", "revoke", name.rpartition("/")[2])
    assert "is revoked" in revoked.out
    refused = await adjutant("whoami", token=token)
    assert refused.code == 2
    assert "revoked" in (await adjutant("keys", "show", name)).out


async def test_a_narrowed_key_says_what_it_may(adjutant: Run) -> None:
    done = await adjutant("keys", "create", "--role", "viewer", "--permission", "tasks_read")
    assert "tasks_read" in done.out
    wrong = await adjutant("keys", "create", "--role", "viewer", "--permission", "everything")
    assert (wrong.code, "no permission" in wrong.err) == (2, True)
    (made,) = await read(adjutant, "keys", "create", "--role", "viewer")
    assert (await adjutant("whoami", token=made["token"])).out.startswith(made["apiKey"]["name"])


async def test_the_audit_log_is_shown(adjutant: Run) -> None:
    await adjutant("members", "set", "users/ada", "viewer")

    async def entries(*arguments: str) -> list[dict[str, Any]]:
        return await read(adjutant, "audit", *arguments)

    async with asyncio.timeout(15):
        while not (found := await entries("--kind", "change")):
            await asyncio.sleep(0.1)
    assert found[0]["method"].endswith("MemberService/SetMember")
    assert found[0]["principal"] == "users/owner"
    table = await adjutant("audit", "--kind", "change", "--at", "client")
    header = table.out.splitlines()[0]
    assert header.split() == ["time", "kind", "who", "what", "where", "with"]
    assert "users/owner" in table.out
    assert len(await entries("--at", "mesh", "--limit", "1")) == 1
    assert (await entries("--filter", 'principal = "users/nobody"')) == []


async def test_one_is_told_who_one_is(adjutant: Run) -> None:
    done = await adjutant("whoami")
    assert done.out.splitlines()[0] == "users/owner"
    assert "everything everywhere" in done.out


BAD_USE = (
    (("members", "set", "users/ada", "king"), "owner, editor, viewer, agent"),
    (("members", "list", "--at", "nowhere"), "client, groups/ID"),
    (("keys", "create", "--role", "agent", "--expires", "soon"), "30d"),
    (("projects", "update", "default"), "nothing to change"),
    (("projects", "show", "No Such"), "neither an id nor a full name"),
    (("projects", "update", "default", "--share-knowledge", "maybe"), "yes, no, inherit"),
    (("audit", "--kind", "gossip"), "authentication"),
)


async def test_bad_use_is_one_line_that_helps(adjutant: Run) -> None:
    for arguments, said in BAD_USE:
        done = await adjutant(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert said in done.err
        assert done.err.count("\n") == 1
