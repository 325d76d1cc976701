"""Spans without credentials: what leaves for the collector is redacted first."""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link
from opentelemetry.trace.status import Status

from services.mesh.secrets.redact import redact


class RedactingExporter(SpanExporter):
    """Exports through another exporter, in the exporter's own thread and not in a call's time."""

    def __init__(self, inner: SpanExporter) -> None:
        self._inner = inner

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export copies of the spans without credentials."""
        return self._inner.export([_redacted(span) for span in spans])

    def shutdown(self) -> None:
        """Shut the other exporter down."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the other exporter."""
        return self._inner.force_flush(timeout_millis)


def _redacted(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=redact(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_values(span.attributes),
        events=[
            Event(redact(event.name), _values(event.attributes), event.timestamp)
            for event in span.events
        ],
        links=[Link(link.context, _values(link.attributes)) for link in span.links],
        kind=span.kind,
        status=_status(span.status),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _status(status: Status) -> Status:
    if not status.description:
        return status
    return Status(status.status_code, redact(status.description))


def _values(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: _value(value) for name, value in (attributes or {}).items()}


def _value(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace")).encode()
    if isinstance(value, Mapping):
        return _values(value)
    if isinstance(value, Sequence):
        return tuple(_value(item) for item in value)
    return value
