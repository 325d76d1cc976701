"""One nats-server for all tests of the mesh, and a fresh log on it for each."""

import pathlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any

import nats as nats_client
import pytest
from nats.js.errors import NotFoundError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.mesh.access import bucket as access
from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats, free_port, running_nats
from services.mesh.events import EventLog
from services.mesh.events.streams import AUDIT_STREAM, STREAM
from services.mesh.lease import BUCKET
from services.mesh.limits import shared
from services.mesh.limits import streams as open_streams

Connect = Callable[..., Coroutine[Any, Any, EventLog]]


@pytest.fixture(scope="session")
def shared_nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedNats]:
    """Run a server that no test may stop."""
    with running_nats(tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture
async def nats(shared_nats: EmbeddedNats) -> EmbeddedNats:
    """Clear the shared server of streams."""
    client = await nats_client.connect(shared_nats.url)
    streams = (
        STREAM,
        AUDIT_STREAM,
        f"KV_{BUCKET}",
        access.STREAM,
        shared.STREAM,
        open_streams.STREAM,
    )
    for stream in streams:
        try:
            await client.jetstream().delete_stream(stream)
        except NotFoundError:
            continue
    await client.close()
    return shared_nats


@pytest.fixture
async def own_nats(tmp_path: pathlib.Path) -> AsyncIterator["NatsOfOne"]:
    """Run a server that the test may kill and start again."""
    server = NatsOfOne(tmp_path)
    await server.start()
    yield server
    await server.stop()


class NatsOfOne:
    """A server on one port, with one folder, whatever happens to it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._port = free_port()
        self._server: EmbeddedNats | None = None
        self.url = f"nats://a-token@127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._server = await EmbeddedNats.start(self._folder, self._port, "a-token")

    def kill(self) -> None:
        assert self._server
        self._server.kill()

    async def stop(self) -> None:
        assert self._server
        await self._server.stop()


@pytest.fixture
async def connect(nats: EmbeddedNats) -> AsyncIterator[Connect]:
    """Connect to the log, of the server given or of the shared one, with the settings given."""
    opened: list[EventLog] = []

    async def to(url: str = nats.url, **settings: Any) -> EventLog:
        event_log = await EventLog.connect(MeshSettings(nats_url=url, **settings))
        opened.append(event_log)
        return event_log

    yield to
    for event_log in opened:
        await event_log.close()


@pytest.fixture
async def event_log(connect: Connect) -> EventLog:
    """Make a fresh log on the shared server."""
    return await connect()


@pytest.fixture(scope="session")
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
def spans(_exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """Every span that ends during the test."""
    _exporter.clear()
    return _exporter
