"""Gives memory back that nobody uses any more.

A flood of large requests leaves holes in the heap, and garbage in cycles that Python collects
only after many more objects. Without this a service keeps what its worst minute took.
"""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from typing import Final

EVERY_S: Final = 10.0


async def give_back() -> None:
    """Collect and return memory now and then, for ever."""
    # What lives from the start on lives to the end: looking at it each time would take long.
    gc.collect()
    gc.freeze()
    trim = _trim()
    while True:
        await asyncio.sleep(EVERY_S)
        gc.collect()
        trim()


def _trim() -> Callable[[], object]:
    """Return what gives the heap's free pages back to the system, where the C library can."""
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return lambda: None
    return lambda: found(0)
