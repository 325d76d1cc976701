"""The commands about connections and the master key, on a real orchestrator."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.mesh.app import run_service
from services.mesh.embedded import EmbeddedNats
from services.mesh.secrets import ring_file
from services.orchestrator.app import SERVICE
from services.ports import OFFSETS, free_port_base
from tests.integration.cli.conftest import PROGRAM, Outcome, environment
from tests.support.identities import owner_token

HOST = "https://git.example.com"
NAME = "clients/default/projects/default/connections/git"


@dataclass
class Shell:
    """Runs commands as the owner of a mesh."""

    data_dir: Path
    address: str

    @property
    def ring(self) -> Path:
        return self.data_dir / "secrets" / "master.keys"

    async def run(self, *arguments: str, stdin: str = "") -> Outcome:
        token = owner_token(self.data_dir)
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            env=environment(
                self.address, ADJUTANT_TOKEN=token, ADJUTANT_DATA_DIR=str(self.data_dir)
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        assert "Traceback" not in err.decode()
        return Outcome(process.returncode or 0, out.decode(), err.decode())


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    data, port_base = tmp_path / "data", free_port_base()
    nats = await EmbeddedNats.start(data, port_base)
    ready, stop = asyncio.Event(), asyncio.Event()
    settings = SERVICE.settings(data_dir=data, port_base=port_base)
    running = asyncio.create_task(run_service(SERVICE, settings, stop, ready.set))
    async with asyncio.timeout(20):
        await ready.wait()
    yield Shell(data, f"127.0.0.1:{port_base + OFFSETS['orchestrator']}")
    stop.set()
    await running
    await nats.stop()


async def test_a_connection_from_its_making_to_its_end(shell: Shell, tmp_path: Path) -> None:
    made = await shell.run(
        "connections", "create", "git", "--uri", HOST, "--username", "ada", stdin="s3cret-1\n"
    )
    assert (made.code, made.err) == (0, "")
    assert NAME in made.out
    assert "s3cret" not in made.out
    secret = tmp_path / "secret"
    secret.write_text("s3cret-2\n")
    other = ("connections", "create", "other", "--uri", f"{HOST}/b", "--at", "client")
    assert (await shell.run(*other, "--secret-file", str(secret))).code == 0
    listed = (await shell.run("connections", "list")).out
    assert "git" in listed
    assert "stored" in listed
    assert "other" not in listed, "that is the client's"
    assert "other" in (await shell.run("connections", "list", "--at", "client")).out
    of_client = await shell.run("connections", "show", "other", "--at", "client")
    assert "clients/default/connections/other" in of_client.out
    named = ("connections", "update", "other", "--title", "Ours", "--at", "client")
    assert "title       Ours" in (await shell.run(*named)).out
    assert (await shell.run("connections", "delete", "other", "--at", "client")).code == 0
    shown = json.loads((await shell.run("connections", "show", "git", "--json")).out)
    assert (shown["uriPrefix"], shown["username"], shown["hasSecret"]) == (HOST + "/", "ada", True)
    titled = await shell.run("connections", "update", "git", "--title", "The git server")
    assert "The git server" in titled.out
    moved = ("connections", "update", "git", "--uri", f"{HOST}/team")
    empty = await shell.run(*moved)
    assert empty.code == 2
    assert "the secret is empty" in empty.err
    assert (await shell.run(*moved, stdin="s3cret-3")).code == 0
    assert (await shell.run("connections", "delete", "git")).code == 0
    gone = await shell.run("connections", "show", NAME)
    assert gone.code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("connections", "create", "git", "--uri", f"{HOST}/../x"),
        ("connections", "create", "git", "--uri", "https://ada@git.example.com"),
        ("connections", "create", "git", "--uri", HOST, "--at", "nowhere"),
        ("connections", "create", "git", "--uri", HOST, "--secret", "in-the-arguments"),
        ("connections", "create", "git", "--uri", HOST, "--secret-file", "/no/such/file"),
        ("connections", "show", "no/name"),
        ("connections", "delete", "none"),
        ("connections", "update", "git"),
    ],
)
async def test_bad_use_is_one_plain_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    refused = await shell.run(*arguments, stdin="s3cret")
    assert refused.code == 2
    assert refused.err.startswith("adjutant: ")
    assert len(refused.err.splitlines()) == 1
    assert "s3cret" not in refused.err


async def test_the_master_key_is_rotated(shell: Shell) -> None:
    create = ("connections", "create", "git", "--uri", HOST)
    assert (await shell.run(*create, stdin="s3cret")).code == 0
    (first,) = ring_file.read(shell.ring)
    rotated = await shell.run("auth", "rotate-master-key", "--keep-old")
    assert (rotated.code, rotated.err) == (0, "")
    assert "now: 1 secret\n" in rotated.out
    assert ring_file.read(shell.ring)[0] == first
    rotated = await shell.run("auth", "rotate-master-key")
    assert rotated.code == 0
    assert "Removed 2 old master keys" in rotated.out
    (last,) = ring_file.read(shell.ring)
    assert last.id != first.id
    assert last.key not in rotated.out + rotated.err
    # What can be wrapped anew can be read.
    assert "now: 1 secret\n" in (await shell.run("auth", "rotate-master-key")).out


async def test_keys_are_kept_while_a_secret_cannot_be_read(shell: Shell) -> None:
    create = ("connections", "create", "git", "--uri", HOST)
    assert (await shell.run(*create, stdin="s3cret")).code == 0
    ring_file.keep_only(shell.ring, ring_file.add_key(shell.ring))
    before = {entry.id for entry in ring_file.read(shell.ring)}
    refused = await shell.run("auth", "rotate-master-key")
    assert refused.code == 2
    assert NAME in refused.out
    assert before < {entry.id for entry in ring_file.read(shell.ring)}


async def test_the_keys_of_another_mesh_are_left_alone(shell: Shell, tmp_path: Path) -> None:
    ring = tmp_path / "another" / "secrets" / "master.keys"
    ring_file.make_if_missing(ring)
    (first,) = ring_file.read(ring)
    refused = await shell.run("auth", "rotate-master-key", "--data-dir", str(tmp_path / "another"))
    assert refused.code == 2
    assert "another key file" in refused.err
    assert ring_file.read(ring)[0] == first
