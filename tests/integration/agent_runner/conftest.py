"""A real event log for the whole session, and runners to talk to."""

import pathlib
from collections.abc import AsyncIterator, Iterator

import pytest

from services.mesh.embedded import running_nats
from tests.integration.agent_runner.runners import Caller, RunnerProcess, runner_here


@pytest.fixture(scope="session")
def nats_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server.url


@pytest.fixture
async def runner(nats_url: str, tmp_path: pathlib.Path) -> AsyncIterator[Caller]:
    async with runner_here(nats_url, tmp_path) as caller:
        yield caller


@pytest.fixture
async def runner_process(nats_url: str, tmp_path: pathlib.Path) -> AsyncIterator[RunnerProcess]:
    process = RunnerProcess(nats_url, tmp_path)
    await process.start()
    yield process
    await process.close()
