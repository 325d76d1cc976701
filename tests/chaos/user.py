"""Calls as a user makes them: again with the same request id, until there is an answer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import grpc

CALL_TIMEOUT_S: Final = 8.0
_PAUSE_S: Final = 0.2
_WORTH_ANOTHER: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
"""What the errors page says may succeed later."""

T = TypeVar("T")
R = TypeVar("R")


async def call(method: Callable[..., Awaitable[T]], request: R) -> T:
    """Call until there is an answer; AioRpcError where another attempt would change nothing."""
    while True:
        try:
            return await method(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _WORTH_ANOTHER:
                raise
        await asyncio.sleep(_PAUSE_S)
