"""One trace goes from the caller through the service, its outbox and the log to who handles it."""

import asyncio
import json
import logging
import pathlib
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adjutant.event.v1 import event_pb2
from services.mesh import telemetry
from services.mesh.app import Mesh
from services.mesh.embedded import EmbeddedNats
from services.mesh.store import now
from tests.integration.mesh.harness import PATIENCE_S, eventually, said
from tests.integration.mesh.serving import GET, serving
from tests.unit.mesh.conftest import NOTES, note


class Lines(logging.Handler):
    """Keeps log lines as a service writes them."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(telemetry.JsonFormatter("small"))
        self.lines: list[dict[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


async def test_one_trace_from_the_caller_to_the_consumer(
    tmp_path: pathlib.Path, nats: EmbeddedNats, spans: InMemorySpanExporter
) -> None:
    log = logging.getLogger("tests.trace")
    log.setLevel(logging.INFO)
    lines = Lines()
    log.addHandler(lines)
    handled = asyncio.Event()

    async def on_event(_: event_pb2.Event) -> None:
        log.info("handled")
        handled.set()

    def consume(mesh: Mesh) -> None:
        mesh.consume("small-readers", [event_pb2.EVENT_KIND_RUN_PROGRESS], on_event)

    async with serving(tmp_path, nats.url, consume) as served:

        async def act(request: Any) -> Any:
            log.info("called")
            await served.mesh.store.insert(NOTES, note(f"n-{now().timestamp()}"), events=[said(1)])
            return await served.tasks.answer(request)

        served.tasks.act = act
        with telemetry.span("the caller's own work") as root:
            trace_id = trace.format_trace_id(root.get_span_context().trace_id)
            await served.stub.GetTask(GET)
        async with asyncio.timeout(PATIENCE_S):
            await handled.wait()
        (entry,) = [e async for e in served.mesh.events.read(["adjutant.event.>"], 1, 1)]
        assert trace_id in entry.headers["traceparent"]
        await eventually(lambda: len(spans.get_finished_spans()) >= 4)
    log.removeHandler(lines)
    of_trace = [
        span
        for span in spans.get_finished_spans()
        if span.context and trace.format_trace_id(span.context.trace_id) == trace_id
    ]
    assert {span.kind.name for span in of_trace} == {"INTERNAL", "CLIENT", "SERVER", "CONSUMER"}
    assert [line["message"] for line in lines.lines] == ["called", "handled"]
    assert {line["trace"] for line in lines.lines} == {trace_id}


async def test_a_caller_without_a_trace_gets_one_of_its_own(
    tmp_path: pathlib.Path, nats: EmbeddedNats, spans: InMemorySpanExporter
) -> None:
    async with serving(tmp_path, nats.url) as served:
        ids: list[str] = []

        async def act(request: Any) -> Any:
            ids.append(telemetry.trace_id())
            return await served.tasks.answer(request)

        served.tasks.act = act
        await served.stub.GetTask(GET)
        await served.stub.GetTask(GET)
    assert len(set(ids)) == 2
    assert all(len(identity) == 32 for identity in ids)
