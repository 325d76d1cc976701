"""A real event log for the whole session, and runners to talk to."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from services.mesh.embedded import running_nats
from tests.integration.agent_runner.runners import Caller, RunnerProcess, runner_here


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server.url


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return tmp_path_factory.mktemp("runner")


@pytest.fixture
def runs_folder(shared_folder: pathlib.Path) -> pathlib.Path:
    return shared_folder / "agent_runner/runs"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_runner(nats_url: str, shared_folder: pathlib.Path) -> AsyncIterator[Caller]:
    async with runner_here(nats_url, shared_folder) as caller:
        yield caller


@pytest.fixture
def runner(shared_runner: Caller) -> Caller:
    return Caller(shared_runner.channel)


@pytest.fixture
async def runner_process(nats_url: str, tmp_path: pathlib.Path) -> AsyncIterator[RunnerProcess]:
    process = RunnerProcess(nats_url, tmp_path)
    await process.start()
    yield process
    await process.close()
