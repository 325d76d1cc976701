"""The helper of a job's git, and the service that it asks."""

import asyncio
import os
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.agent_runner.adapters import credential_helper
from services.agent_runner.adapters.credential_server import CredentialServer
from services.agent_runner.credentials import Credential
from services.agent_runner.errors import RunFailure
from services.agent_runner.run import RUNS, RunRecord, RunSpec, token_digest
from services.mesh.store import Store, now, open_store

NAME = "clients/acme/projects/web/runs/r"
TOKEN = "the-token-of-the-run"
SECRET = "s3cret ünïcode"
ANSWER = f"username=ada\npassword={SECRET}\n"


class CredentialsDouble:
    """A double of the orchestrator: one credential for every run, or a refusal."""

    refuses = False

    async def of(self, run: RunRecord) -> Credential | None:
        if self.refuses:
            raise RunFailure("REPOSITORY_NOT_FOUND", "no")
        return Credential("clients/acme/connections/git", "ada", SECRET)


class Bench:
    def __init__(self, store: Store, folder: pathlib.Path) -> None:
        self.store = store
        self.credentials = CredentialsDouble()
        # A data directory may be deeper than the path of a socket.
        deep = folder / ("d" * 100)
        deep.mkdir()
        self.link = deep / "credentials" / "0"
        self.server = self.make()

    def make(self) -> CredentialServer:
        return CredentialServer(self.store, self.credentials, self.link, ("git",))

    async def add_run(self, **facts: Any) -> None:
        given: dict[str, Any] = {
            "name": NAME,
            "state": "RUNNING",
            "agent": "git",
            "report_token_digest": token_digest(TOKEN),
        }
        await self.store.insert(
            RUNS,
            RunRecord(
                create_time=now(),
                update_time=now(),
                task="",
                spec=RunSpec(agent="git"),
                spec_digest="",
                headers={},
                **(given | facts),
            ),
        )

    async def helper(
        self, operation: str = "get", token: str = TOKEN
    ) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", credential_helper.__file__, operation),
            env={
                "PATH": os.environ["PATH"],
                "ADJUTANT_RUN": NAME,
                "ADJUTANT_REPORT_TOKEN": token,
                "ADJUTANT_CREDENTIAL_SOCKET": str(self.link.parent),
            },
            stdout=asyncio.subprocess.PIPE,
        )

    async def said(self, operation: str = "get", token: str = TOKEN) -> str:
        process = await self.helper(operation, token)
        said, _ = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        return said.decode()


@pytest.fixture
async def bench(tmp_path: pathlib.Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path / "store.db", [RUNS])
    bench = Bench(store, tmp_path)
    await bench.server.start()
    yield bench
    await bench.server.close()
    await store.close()


async def test_the_job_that_pushes_gets_the_credential(bench: Bench) -> None:
    await bench.add_run()
    assert await bench.said() == ANSWER
    assert await bench.said() == ANSWER, "git may ask again"


@pytest.mark.parametrize(
    "facts",
    [
        {"agent": "command"},
        {"state": "SUCCEEDED"},
        {"state": "CANCELLED"},
        {"report_token_digest": token_digest("another")},
        {"report_token_digest": ""},
        {"name": NAME + "2"},
    ],
)
async def test_nobody_else_does(bench: Bench, facts: dict[str, Any]) -> None:
    await bench.add_run(**facts)
    assert await bench.said() == ""


async def test_a_refusal_for_good_is_told_at_once(bench: Bench) -> None:
    await bench.add_run()
    bench.credentials.refuses = True
    async with asyncio.timeout(10):
        assert await bench.said() == ""


async def test_git_stores_and_erases_nothing_with_us(bench: Bench) -> None:
    await bench.add_run()
    for operation in ("store", "erase"):
        assert await bench.said(operation) == ""


async def test_the_helper_waits_for_the_next_service(bench: Bench) -> None:
    await bench.add_run()
    await bench.server.close()
    process = await bench.helper()
    await asyncio.sleep(0.5)
    assert process.returncode is None
    bench.server = bench.make()
    await bench.server.start()
    said, _ = await asyncio.wait_for(process.communicate(), 20)
    assert said.decode() == ANSWER


async def test_a_question_that_is_none_harms_nobody(bench: Bench) -> None:
    await bench.add_run()
    for question in (b"", b"\n", b"[]\n", b'{"run": 1}\n', b"\xff\n", b"x" * 10_000 + b"\n"):
        reader, writer = await asyncio.open_unix_connection(os.readlink(bench.link))
        writer.write(question)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 10) in (b"", b"end\n")
        writer.close()
    assert await bench.said() == ANSWER


async def test_only_this_user_reaches_the_socket(bench: Bench) -> None:
    folder = pathlib.Path(os.readlink(bench.link)).parent
    assert folder.stat().st_mode & 0o077 == 0
    await bench.server.close()
    assert not folder.exists()
