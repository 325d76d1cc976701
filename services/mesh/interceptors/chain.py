"""What every call passes on its way in, in one interceptor.

gRPC would ask each interceptor of a list at every call; this one asks once for each
method and keeps what it made. To gRPC every request is a stream, of which the door takes one
message when it knows who calls: nobody who is not known makes us hold or read anything, and
what cannot be read gets an error of ours.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import contextlib
import contextvars
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

import grpc
from grpc.aio import ServicerContext

from services.mesh.access.contract import Method, method_of

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Context: TypeAlias = "ServicerContext[Any, Any]"
Inner: TypeAlias = Callable[[], Awaitable[Any]]
Metadata: TypeAlias = "Sequence[tuple[str, str | bytes]]"
Behavior: TypeAlias = Callable[[Context], Awaitable[Any]]


# gRPC makes the metadata anew whenever it is asked, which costs as much as tracing.
_metadata: contextvars.ContextVar[Metadata | None] = contextvars.ContextVar(
    "metadata", default=None
)


def metadata_of(context: Context) -> Metadata:
    """Return the metadata that the call of this task came with."""
    found = _metadata.get()
    return context.invocation_metadata() or () if found is None else found  # type: ignore[return-value]


class Around(Protocol):
    """Behaviour around a call, whether it answers once or with a stream.

    It awaits `inner`, which runs everything further in: it returns the response of a
    method that answers once, and None when a stream was written to its end.
    """

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run the call."""


class Door(Protocol):
    """Lets calls in."""

    async def enter(self, method: Method, context: Context) -> Any:
        """Take the request and return it, or raise why the call is not let in."""

    async def leave(self, error: BaseException | None) -> None:
        """Note that the call under way is over, and with what error where it has one."""


class Chain(grpc.aio.ServerInterceptor):
    """Puts the same behaviour around each method, and leaves health and reflection alone."""

    def __init__(self) -> None:
        self._around_answers: Sequence[Around] = ()
        self._around_streams: Sequence[Around] = ()
        self._door: Door | None = None
        self._wrapped: dict[str, Handler] = {}

    def open(self, answers: Sequence[Around], streams: Sequence[Around], door: Door) -> None:
        """Put these around methods that answer once, and around streams; outermost first.

        The server may be made before.
        """
        self._around_answers = answers
        self._around_streams = streams
        self._door = door

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Return the method's handler with everything around it."""
        _metadata.set(handler_call_details.invocation_metadata)
        path = handler_call_details.method
        known = self._wrapped.get(path)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None or is_infrastructure(path):
            return handler
        self._wrapped[path] = wrapped = self._wrap(handler, method_of(path))
        return wrapped

    def _wrap(self, handler: Any, method: Method) -> Handler:
        door = self._door
        if door is None:
            raise RuntimeError("the server was started before its door was opened")
        if handler.request_streaming:
            raise NotImplementedError(f"{method.path}: no request stream passes the door yet")
        make_answer = _writing if method.streams else _once
        answer = make_answer(handler, method, door)
        arounds = self._around_streams if method.streams else self._around_answers
        for around in reversed(arounds):
            answer = _inside(around, method, answer)

        async def behavior(_: Any, context: Context) -> Any:
            return await answer(context)

        make: Any = (
            grpc.stream_stream_rpc_method_handler
            if method.streams
            else grpc.stream_unary_rpc_method_handler
        )
        return make(behavior, None, handler.response_serializer)  # type: ignore[no-any-return]


def _once(handler: Any, method: Method, door: Door) -> Behavior:
    """Return what lets a call in and answers it."""
    answer = handler.unary_unary

    async def behavior(context: Context) -> Any:
        try:
            request = await door.enter(method, context)
            response = await answer(request, context)
        except BaseException as error:
            await door.leave(error)
            raise
        await door.leave(None)
        return response

    return behavior


def _writing(handler: Any, method: Method, door: Door) -> Behavior:
    """Return what lets a call in and writes its stream.

    It closes the generator at once and in the task that ran it. Where gRPC iterates, it
    drops the generator of a stream that was left, and the garbage collector closes it in
    another context.
    """
    answers = handler.unary_stream

    async def behavior(context: Context) -> None:
        try:
            request = await door.enter(method, context)
            async with contextlib.aclosing(answers(request, context)) as responses:
                await _write_all(responses, context)
        except BaseException as error:
            await door.leave(error)
            raise
        await door.leave(None)

    return behavior


async def _write_all(responses: AsyncIterator[Any], context: Context) -> None:
    async for response in responses:
        try:
            await context.write(response)
        except grpc.aio.InternalError:
            context.set_code(grpc.StatusCode.CANCELLED)  # for the span of the call
            return  # the caller left while this was on its way


def _inside(around: Around, method: Method, inner: Behavior) -> Behavior:
    def behavior(context: Context) -> Awaitable[Any]:
        return around(functools.partial(inner, context), method, context)

    return behavior


def is_infrastructure(path: str) -> bool:
    """Tell whether a method is gRPC's own: health and reflection."""
    return path.startswith("/grpc.")
