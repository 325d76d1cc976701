"""One trace, from the caller through every service and NATS into the job's environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from adjutant.common.v1 import task_pb2 as states
from services.client import Adjutant
from services.mesh import telemetry
from services.mesh.config import MeshSettings
from services.ports import port_of
from tests.support.access import owner_of
from tests.support.mesh import mesh_in_process


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider: TracerProvider = telemetry.make_provider(
        MeshSettings(), SimpleSpanProcessor(exporter)
    )
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


async def test_one_trace_goes_from_the_caller_into_the_job(
    exporter: InMemorySpanExporter, tmp_path: Path
) -> None:
    seen = tmp_path / "traceparent"
    async with mesh_in_process(tmp_path / "data") as mesh:
        with telemetry.tracer().start_as_current_span("a person") as root:
            identity = format(root.get_span_context().trace_id, "032x")
            owner = owner_of(mesh.data_dir)()
            async with Adjutant(*addresses(mesh.port_base), token=owner) as adjutant:
                plan = f'- [ ] look\n  run: echo "$TRACEPARENT" > {seen}\n'
                task = await adjutant.tasks.submit(plan)
        done = await mesh.caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert seen.read_text().split("-")[1] == identity

    names = {
        span.name
        for span in exporter.get_finished_spans()
        if span.context and format(span.context.trace_id, "032x") == identity
    }
    assert {"adjutant.orchestrator.v1.TaskService/SubmitTask", "orchestrate"} <= names
    assert any("StartRun" in name for name in names)
    assert "handle run_state_changed" in names, "the completion came back through NATS"


def addresses(port_base: int) -> list[str]:
    parts = ("orchestrator", "agent_runner", "notification")
    return [f"{part}=127.0.0.1:{port_of(part, port_base)}" for part in parts]
