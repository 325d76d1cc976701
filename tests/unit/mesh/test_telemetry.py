"""Traces within a process, and log lines that carry them."""

import json
import logging
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.mesh import telemetry
from services.mesh.config import MeshSettings

TRACEPARENT = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def line(message: str, **extra: object) -> dict[str, str]:
    record = logging.LogRecord("a.logger", logging.INFO, __file__, 1, message, (), None)
    record.__dict__.update(extra)
    formatted = telemetry.JsonFormatter("notification").format(record)
    assert "\n" not in formatted
    parsed: dict[str, str] = json.loads(formatted)
    return parsed


def test_outside_a_trace_there_is_nothing_to_carry() -> None:
    assert telemetry.trace_id() == ""
    assert telemetry.inject() == {}


def test_headers_carry_a_trace_into_a_block_and_out_again() -> None:
    with telemetry.attached(TRACEPARENT):
        assert telemetry.trace_id() == TRACE
        assert telemetry.inject() == TRACEPARENT
    assert telemetry.trace_id() == ""


def test_a_block_that_fails_is_left_too() -> None:
    with pytest.raises(KeyError), telemetry.attached(TRACEPARENT):
        raise KeyError
    assert telemetry.trace_id() == ""


@pytest.mark.parametrize("headers", [{}, {"traceparent": "rubbish"}])
def test_headers_that_carry_nothing_do_no_harm(headers: dict[str, str]) -> None:
    with telemetry.attached(headers):
        assert telemetry.trace_id() == ""


def test_without_an_exporter_there_is_a_trace_id_and_no_span() -> None:
    provider = telemetry.make_provider(MeshSettings())
    with provider.get_tracer("test").start_as_current_span("work") as span:
        assert not span.is_recording()
        assert len(telemetry.trace_id()) == 32
        assert telemetry.trace_id() in telemetry.inject()["traceparent"]


@pytest.mark.parametrize(("ratio", "recorded"), [(1.0, 1), (0.0, 0)])
def test_with_an_exporter_a_share_of_the_traces_is_recorded(ratio: float, recorded: int) -> None:
    exporter = InMemorySpanExporter()
    settings = MeshSettings(trace_sample_ratio=ratio)
    provider: TracerProvider = telemetry.make_provider(settings, SimpleSpanProcessor(exporter))
    with provider.get_tracer("test").start_as_current_span("work"):
        pass
    spans = exporter.get_finished_spans()
    assert len(spans) == recorded
    assert all(span.resource.attributes["service.name"] == "adjutant-mesh" for span in spans)
    provider.shutdown()


def test_a_log_line_is_one_json_object() -> None:
    found = line("first\nsecond")
    assert found["message"] == "first\nsecond"
    assert (found["level"], found["service"], found["logger"]) == (
        "INFO",
        "notification",
        "a.logger",
    )
    assert found["time"].endswith("+00:00")
    assert "trace" not in found


def test_a_log_line_carries_the_trace() -> None:
    with telemetry.attached(TRACEPARENT):
        assert line("in a trace")["trace"] == TRACE


def test_a_log_line_carries_the_exception() -> None:
    try:
        raise RuntimeError("it broke")
    except RuntimeError:
        found = line("failed", exc_info=sys.exc_info())
    assert found["exception"].endswith("RuntimeError: it broke")
