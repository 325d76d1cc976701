"""Traces and logs. One trace goes through gRPC metadata, NATS headers and jobs' environments.

What is written or exported is redacted first (services/mesh/secrets/redact.py).

Without an exporter no span is recorded, yet every call still has a trace id,
passes it on, and writes it into its log lines.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType

from opentelemetry import context, propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind

from services.mesh.config import MeshSettings
from services.mesh.secrets.redact import redact
from services.mesh.secrets.redacting_exporter import RedactingExporter


def tracer() -> trace.Tracer:
    """Return the tracer of all of Adjutant's own spans."""
    return trace.get_tracer("adjutant")


def make_provider(settings: MeshSettings, processor: SpanProcessor | None = None) -> TracerProvider:
    """Return a tracer provider for a service.

    Spans go to `processor`, else to the OTLP endpoint in the settings, else
    nowhere, and then none is recorded.
    """
    if processor is None and settings.otlp_endpoint:
        exporter = OTLPSpanExporter(settings.otlp_endpoint, insecure=True)
        processor = BatchSpanProcessor(RedactingExporter(exporter))
    sampler = ParentBasedTraceIdRatio(settings.trace_sample_ratio) if processor else ALWAYS_OFF
    name = f"adjutant-{settings.service}"
    provider = TracerProvider(sampler=sampler, resource=Resource.create({"service.name": name}))
    if processor:
        provider.add_span_processor(processor)
    return provider


def inject() -> dict[str, str]:
    """Return the headers that carry the current trace; empty where there is none."""
    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers


@contextmanager
def span(
    name: str, headers: Mapping[str, str] | None = None, kind: SpanKind = SpanKind.INTERNAL
) -> Iterator[trace.Span]:
    """Run the block in a span; with headers it joins the trace that they carry."""
    parent = propagate.extract(headers) if headers else None
    with tracer().start_as_current_span(name, context=parent, kind=kind) as started:
        yield started


@contextmanager
def attached(headers: Mapping[str, str]) -> Iterator[None]:
    """Run the block in the trace that the headers carry, without a span of its own."""
    token = context.attach(propagate.extract(headers))
    try:
        yield
    finally:
        context.detach(token)


def trace_id() -> str:
    """Return the current trace's id in hex; empty where there is none."""
    current = trace.get_current_span().get_span_context()
    return format(current.trace_id, "032x") if current.is_valid else ""


class JsonFormatter(logging.Formatter):
    """One JSON object a line, without credentials, with the trace's id where there is one."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if identity := trace_id():
            line["trace"] = identity
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = redact(record.stack_info)
        return json.dumps(line)


def log_to_stderr(settings: MeshSettings) -> None:
    """Send the whole process's log to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(settings.service))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _print_redacted
    for noisy in ("httpx", "nats"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _print_redacted(
    kind: type[BaseException], error: BaseException, trail: TracebackType | None
) -> None:
    """Print what ends the process as Python does, without credentials."""
    print(redact("".join(traceback.format_exception(kind, error, trail))), file=sys.stderr, end="")
