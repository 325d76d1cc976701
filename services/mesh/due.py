"""Does what is due: records that say themselves when something is to be done about them.

The time stands in the record, so that it survives every process; whoever comes first does it.
Handlers tolerate that another replica was first: they look at the record again in the write
that takes its time away.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, Generic

from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.store import Collection, Store, now
from services.mesh.store.port import R

BATCH: Final = 100
LOOK_AGAIN_S: Final = 5.0
"""What another replica put into the store is seen after so long at most."""
RETRY_S: Final = 1.0
STILL_DUE_S: Final = 0.2

log = logging.getLogger(__name__)


class Due(Generic[R]):
    """Hands every record whose time has come to a handler."""

    def __init__(
        self,
        store: Store,
        collection: Collection[R],
        field: str,
        handle: Callable[[R], Awaitable[Any]],
    ) -> None:
        """Take the hidden field, a UtcTime or None, in which the time stands.

        The handler changes or clears that time; a record that it leaves as it is comes again
        after a moment.
        """
        self._store = store
        self._collection = collection
        self._field = field
        self._handle = handle
        self._look = asyncio.Event()

    def look(self) -> None:
        """Look at the store soon: an earlier time was written just now."""
        self._look.set()

    async def run(self) -> None:
        """Handle what is due, for ever."""
        while True:
            self._look.clear()
            try:
                failed, more = await self._do_what_is_due()
                quiet_s = RETRY_S if failed else 0.0 if more else await self._quiet_s()
            except StoreUnavailableError as error:
                log.warning("what is due waits: %s", error.message)
                quiet_s = RETRY_S
            await self._pause(quiet_s)

    async def _do_what_is_due(self) -> tuple[bool, bool]:
        """Return whether something failed, and whether there may be more that is due."""
        failed = False
        found = await self._store.due(self._collection, self._field, now(), BATCH)
        for record in found:
            try:
                await self._handle(record)
            except AdjutantError as error:
                failed = True
                log.warning("%s is due and waits: %s", record.name, error)
            except Exception:
                failed = True
                log.exception("%s is due and could not be seen to; it is tried again", record.name)
        return failed, len(found) == BATCH

    async def _quiet_s(self) -> float:
        earliest = await self._store.next_due(self._collection, self._field)
        if earliest is None:
            return LOOK_AGAIN_S
        left_s = (earliest - now()) / timedelta(seconds=1)
        # What is due still was left as it is, or has come due just now.
        return min(left_s if left_s > 0 else STILL_DUE_S, LOOK_AGAIN_S)

    async def _pause(self, seconds: float) -> None:
        # Not wait_for, which in Python 3.11 swallows a cancellation that comes with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look.wait()
