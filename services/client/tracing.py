"""One trace from the caller through every service: a CLIENT span for each call."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    import grpc

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_random = random.SystemRandom()


class CallSpan:
    """The span of one call; never the current one, because a stream outlives its scope."""

    def __init__(self, path: str, tracer: trace.Tracer) -> None:
        service, _, method = path[1:].partition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        span = tracer.start_span(path[1:], kind=trace.SpanKind.CLIENT, attributes=attributes)
        self._span: Final = span if span.get_span_context().is_valid else new_root()

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Return the gRPC metadata that carries the trace on (`traceparent`)."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, context=trace.set_span_in_context(self._span))
        return tuple(carrier.items())

    def end(self, code: grpc.StatusCode) -> None:
        """End the span with the call's outcome."""
        number, name = code.value
        self._span.set_attribute("rpc.grpc.status_code", number)
        if number:
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, name))
        self._span.end()


def new_root() -> trace.Span:
    """Return a span with fresh ids that nobody records.

    Without an OpenTelemetry SDK the API makes spans without ids; with this the
    services still see one trace, and theirs is recorded.
    """
    return trace.NonRecordingSpan(
        trace.SpanContext(
            trace_id=_random.getrandbits(128) or 1,
            span_id=_random.getrandbits(64) or 1,
            is_remote=False,
            trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
        )
    )


def start_trace() -> None:
    """Make all calls of this context part of one trace, unless they are already."""
    if not trace.get_current_span().get_span_context().is_valid:
        otel_context.attach(trace.set_span_in_context(new_root()))
