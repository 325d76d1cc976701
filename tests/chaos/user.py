"""Calls as a user makes them: again with the same request id, until there is an answer."""

import asyncio
import itertools
import operator
from collections.abc import Sequence
from typing import Any, Final

import grpc

from tests.support.mesh import Caller

CALL_TIMEOUT_S: Final = 8.0
_PAUSE_S: Final = 0.2
_WORTH_ANOTHER: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
)
"""What the errors page says may succeed later."""


async def call(callers: Sequence[Caller], name: str, request: Any) -> Any:
    """Call a method, `tasks.GetTask`, until there is an answer, at each replica in turn.

    AioRpcError where another attempt would change nothing.
    """
    for caller in itertools.cycle(callers):
        try:
            return await operator.attrgetter(name)(caller)(request, timeout=CALL_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            if error.code() not in _WORTH_ANOTHER:
                raise
        await asyncio.sleep(_PAUSE_S)
    raise AssertionError("there is no replica to call")


async def call_in_time(callers: Sequence[Caller], name: str, request: Any) -> Any | None:
    """Call likewise; None where what was called for has gone on and does not allow it any more.

    Whether it may have gone on is for the invariants to say.
    """
    try:
        return await call(callers, name, request)
    except grpc.aio.AioRpcError as error:
        if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
            raise
        return None
