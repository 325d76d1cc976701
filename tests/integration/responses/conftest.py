"""A nats-server for all tests of responses, and replicas on one store for each."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats, running_nats
from services.mesh.events import EventLog
from services.mesh.store import Store
from tests.integration.responses.replicas import EVERYTHING, Replica, Script
from tests.support.stores import Open

Start = Callable[..., Awaitable[Replica]]


@pytest.fixture(scope="session")
def nats_of_responses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    with running_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica(EVERYTHING)


@pytest.fixture
async def start(nats_of_responses: EmbeddedNats, open_replica: Open) -> AsyncIterator[Start]:
    """Start a replica with a store and a connection of its own."""
    replicas: list[Replica] = []

    async def one(script: Script, *, running: bool = True, **settings: Any) -> Replica:
        log = await EventLog.connect(MeshSettings(nats_url=nats_of_responses.url))
        store = await open_replica(EVERYTHING)
        replica = Replica(store, log, f"replica-{len(replicas)}", script, **settings)
        replicas.append(replica)
        if running:
            replica.start()
        return replica

    yield one
    for replica in replicas:
        await replica.stop()
        await replica.log.close()
