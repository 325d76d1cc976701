"""What happens to a stream when its caller leaves."""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc.aio import ServicerContext

from services.mesh.interceptors.wrap import Handler, is_infrastructure


class Leaving(grpc.aio.ServerInterceptor):
    """Closes the generator of a stream that was left, at once and in the task that ran it.

    gRPC drops it, and the garbage collector closes it in another context, where the span of the
    call cannot be taken off: an error in the log for every reader that leaves.
    """

    def __init__(self) -> None:
        self._wrapped: dict[str, Handler | None] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler, which writes its stream itself."""
        handler: Any = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or is_infrastructure(method) or not handler.response_streaming:
            return handler  # type: ignore[no-any-return]
        if method not in self._wrapped:
            name = "stream_stream" if handler.request_streaming else "unary_stream"
            self._wrapped[method] = handler._replace(**{name: _written(getattr(handler, name))})
        return self._wrapped[method]


def _written(behavior: Any) -> Any:
    async def write(request: Any, context: ServicerContext[Any, Any]) -> None:
        async with contextlib.aclosing(behavior(request, context)) as responses:
            async for response in responses:
                try:
                    await context.write(response)
                except grpc.aio.InternalError:
                    return  # the caller left while this was on its way

    return write
