"""Ending asyncio tasks for certain, and waiting with a limit."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

AGAIN_S: Final = 1.0


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and return when all have ended; what they ended with stays in them.

    `asyncio.wait_for` of Python 3.11, which the NATS client uses, loses a
    cancellation that comes together with its result. So it is asked for again.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=AGAIN_S)


async def happens(event: asyncio.Event, limit_s: float) -> bool:
    """Wait for an event for at most so many seconds; tells whether it came.

    Unlike `asyncio.wait_for` of Python 3.11, it never swallows a cancellation
    that arrives together with the event, which would keep a service from stopping.
    """
    try:
        async with asyncio.timeout(limit_s):
            return await event.wait()
    except TimeoutError:
        return False
