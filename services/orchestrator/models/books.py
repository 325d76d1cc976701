"""Writes down what a call took, though the store may be away for a moment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from services.mesh.errors import AdjutantError

log = logging.getLogger(__name__)
PAUSES_S: Final = (0.1, 0.3, 1.0, 3.0)
"""Seconds between tries; an answer's end, and whoever stops one, wait for no more than these."""
_PASSING: Final = ("STORE_UNAVAILABLE", "CONCURRENT_CHANGE")


async def book(deed: Callable[[], Awaitable[None]], what: str) -> None:
    """Do a deed that may be repeated. What cannot be done is logged, and nothing is raised.

    The answer is worth more than its books: raising would throw it away, and have the provider
    asked, and paid, once more. `what` says what then becomes of it.
    """
    try:
        await _try(deed)
    except Exception as error:
        log.log(
            logging.WARNING if isinstance(error, AdjutantError) else logging.ERROR,
            "%s: %s",
            what,
            error,
            exc_info=not isinstance(error, AdjutantError),
        )


async def _try(deed: Callable[[], Awaitable[None]]) -> None:
    for pause_s in PAUSES_S:
        try:
            await deed()
        except AdjutantError as error:
            if error.reason not in _PASSING:
                raise
            await asyncio.sleep(pause_s)
        else:
            return
    await deed()
