"""Waiting with a limit."""

from __future__ import annotations

import asyncio


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
