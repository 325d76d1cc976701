"""One way to put behaviour around every handler of a server."""

from __future__ import annotations  # gRPC's types take parameters in stubs only

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeAlias

import grpc
from grpc.aio import ServicerContext

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class Around(Protocol):
    """Behaviour around a call; it sees the first request, or None where the client streams."""

    async def unary(
        self, call: Callable[[], Awaitable[Any]], request: Any, context: ServicerContext[Any, Any]
    ) -> Any:
        """Call and return the response."""

    def stream(
        self,
        call: Callable[[], AsyncIterator[Any]],
        request: Any,
        context: ServicerContext[Any, Any],
    ) -> AsyncIterator[Any]:
        """Call and return the responses, as they are or through a generator of its own."""


class Wrapping(grpc.aio.ServerInterceptor):
    """Puts an Around around each of our methods, and leaves health and reflection alone."""

    def __init__(self, around: Around) -> None:
        self._around = around
        self._wrapped: dict[str, Handler | None] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler with the behaviour around it."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or is_infrastructure(method):
            return handler
        if method not in self._wrapped:
            self._wrapped[method] = self._wrap(handler)
        return self._wrapped[method]

    def _wrap(self, handler: Handler) -> Handler:
        inner: Any = handler
        streams_in = bool(inner.request_streaming)
        if inner.response_streaming:
            name = "stream_stream" if streams_in else "unary_stream"
            return inner._replace(**{name: self._stream(getattr(inner, name), streams_in)})  # type: ignore[no-any-return]
        name = "stream_unary" if streams_in else "unary_unary"
        return inner._replace(**{name: self._unary(getattr(inner, name), streams_in)})  # type: ignore[no-any-return]

    def _unary(self, behavior: Any, streams_in: bool) -> Any:
        around = self._around

        async def unary(request: Any, context: ServicerContext[Any, Any]) -> Any:
            first = None if streams_in else request
            return await around.unary(lambda: behavior(request, context), first, context)

        return unary

    def _stream(self, behavior: Any, streams_in: bool) -> Any:
        around = self._around

        # No generator of its own: each one costs every message of every stream.
        def stream(request: Any, context: ServicerContext[Any, Any]) -> AsyncIterator[Any]:
            first = None if streams_in else request
            return around.stream(lambda: behavior(request, context), first, context)

        return stream


def is_infrastructure(method: str) -> bool:
    """Tell whether a method is gRPC's own: health and reflection."""
    return method.startswith("/grpc.")
