"""One span for each call, in the trace that the caller says.

The stock instrumentation costs as much as gRPC itself, and records aborts by status, deadlines,
cancellations and uncaught exceptions as success. This one asks gRPC for the code once the call
has ended, and makes nothing for each message of a stream.

What is written down is bounded and tells of nobody: the method, the code, the reason. No
resource's name, no header, no text of an error.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
import functools
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import grpc
from grpc.aio import AbortError
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode

from services.mesh import telemetry
from services.mesh.interceptors.chain import Context, Inner, metadata_of

if TYPE_CHECKING:
    from services.mesh.access.contract import Method

_C = grpc.StatusCode
# What else can go wrong is the caller's doing, and no error of the service.
_OUR_FAULT: Final = frozenset(
    code.value[0]
    for code in (
        _C.UNKNOWN,
        _C.DEADLINE_EXCEEDED,
        _C.UNIMPLEMENTED,
        _C.INTERNAL,
        _C.UNAVAILABLE,
        _C.DATA_LOSS,
    )
)
_CODE: Final = "rpc.grpc.status_code"
_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?"
)
_LATE_S: Final = 0.01
"""A cancellation so near to the deadline is the deadline's: the caller's own clock ends it too."""
MAX_TRACESTATE: Final = 512
"""Characters that a tracestate may have; W3C asks for no more."""


class Telemetry:
    """Records each call as a SERVER span: an Around, the outermost."""

    def __init__(self, tracer: trace.Tracer | None = None) -> None:
        self._tracer = tracer or telemetry.tracer()

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run the call in a span of its own, which others may be in by `get_current_span`."""
        span = self._tracer.start_span(
            method.name, _remote_parent(context), SpanKind.SERVER, _attributes(method.name)
        )
        # Begun anew: nothing of whoever started the server is in it.
        token = contexts.attach(trace.set_span_in_context(span, _EMPTY))
        if not span.is_recording():
            try:
                return await inner()
            finally:
                contexts.detach(token)
        return await self._recorded(inner, span, token, context)

    async def _recorded(self, inner: Inner, span: trace.Span, token: Any, context: Context) -> Any:
        raised: BaseException | None = None
        try:
            return await inner()
        except BaseException as error:
            raised = error
            raise
        finally:
            contexts.detach(token)
            _end(span, raised, context)


_EMPTY: Final = contexts.Context()


@functools.cache
def _attributes(name: str) -> Mapping[str, str]:
    service, _, method = name.partition("/")
    return {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}


def _remote_parent(context: Context) -> contexts.Context:
    """Return the caller's span where the call carries one, and nothing besides."""
    given = state = None
    for key, value in metadata_of(context):
        if key == "traceparent":
            given = value
        elif key == "tracestate":
            state = value
    found = _TRACEPARENT.fullmatch(given) if isinstance(given, str) else None
    if found is None or (found[1] == "00" and found[5]):  # a later version may say more
        return _EMPTY
    parent = SpanContext(
        int(found[2], 16),
        int(found[3], 16),
        is_remote=True,
        trace_flags=trace.TraceFlags(int(found[4], 16)),
        trace_state=_state(state),
    )
    return trace.set_span_in_context(NonRecordingSpan(parent), _EMPTY)


def _state(given: str | bytes | None) -> trace.TraceState | None:
    if not isinstance(given, str) or len(given) > MAX_TRACESTATE:
        return None
    return trace.TraceState.from_header([given])


def _end(span: trace.Span, raised: BaseException | None, context: Context) -> None:
    code = _code(raised, context)
    span.set_attribute(_CODE, code)
    if code in _OUR_FAULT:
        span.set_status(Status(StatusCode.ERROR))
    if raised is not None and not isinstance(raised, AbortError | asyncio.CancelledError):
        # Its text may hold anything; the log has it.
        span.set_attribute("error.type", type(raised).__qualname__)
    span.end()


def _code(raised: BaseException | None, context: Context) -> int:
    """Return the code that the caller sees, or would have seen."""
    if isinstance(raised, asyncio.CancelledError):
        left_s = context.time_remaining()
        is_late = left_s is not None and left_s < _LATE_S
        code = _C.DEADLINE_EXCEEDED if is_late else _C.CANCELLED
    elif raised is not None and not isinstance(raised, AbortError):
        code = _C.UNKNOWN
    else:
        return _number(context.code())
    return int(code.value[0])


def _number(code: Any) -> int:
    """Return a code as a number; the context holds whatever it was given."""
    return int(code.value[0]) if isinstance(code, grpc.StatusCode) else int(code or 0)
