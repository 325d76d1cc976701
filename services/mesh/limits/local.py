"""What one replica holds of a bucket that all share."""

import asyncio
import contextvars
import logging
import time
from typing import Final

from services.mesh.limits.bucket import Rate, take
from services.mesh.limits.shared import SharedBuckets, key_of

CHUNKS: Final = 20
"""A replica takes a twentieth of what the bucket holds at a time."""

log = logging.getLogger(__name__)


class LocalBucket:
    """Units that were taken from a shared bucket and are spent here.

    What comes from the shared bucket is taken from a bucket of the replica's own as well, of
    the same rate. While the shared one is away that one alone decides.
    """

    __slots__ = (
        "_chunk",
        "_empty_until",
        "_full_at",
        "_key",
        "_lent",
        "_low",
        "_refilling",
        "_shared",
        "is_sound",
        "limit",
        "rate",
        "units",
    )

    def __init__(self, limit: str, who: str, rate: Rate, shared: SharedBuckets) -> None:
        self.limit = limit
        """Name of the limit, such as `user`."""
        self.rate = rate
        self.units = 0.0
        """What can be spent without asking."""
        self._key = key_of(limit, who)
        self._shared = shared
        self._chunk = max(rate.burst / CHUNKS, 1.0)
        self._low = self._chunk / 2
        self._full_at = 0.0
        self._empty_until = 0.0
        self._lent = 0.0
        self.is_sound = True
        """Whether the last refill ended as it should, and did not fail."""
        self._refilling: asyncio.Task[None] | None = None

    @property
    def wait_s(self) -> float:
        """Seconds for which the shared bucket is known to be empty."""
        return self._empty_until - time.monotonic()

    def spend(self, cost: float) -> bool:
        """Spend what is here; False where it is not enough.

        The next chunk is taken in time, so that hardly a call has to wait for it. A call that
        is dearer than the bucket takes all that it holds.
        """
        cost = min(cost, self.rate.burst)
        if self.units < cost:
            return False
        self.units -= cost
        if self.units < self._low:
            self._refill_in_time()
        return True

    def owe(self, cost: float) -> None:
        """Spend what may not be here yet; little is owed at most."""
        self.units = max(self.units - cost, -cost)
        if self.units < self._low:
            self._refill_in_time()

    def refill(self, least: float) -> "asyncio.Task[None]":
        """Take the next chunk, or say when there will be one; one at a time."""
        if self._refilling is None:
            # Not the caller's: what it does is no part of the call, and does not end with it.
            outside = contextvars.Context()
            self._refilling = asyncio.create_task(self._refill(least), context=outside)
            self._refilling.add_done_callback(self._refilled)
        return self._refilling

    def lend(self, units: float) -> bool:
        """Take from the replica's own bucket first and from the shared one later.

        False where its own is empty too, or a chunk is owed already: then the answer of
        the shared one, or its absence, is not far.
        """
        if self._lent and self._lent + units > self._chunk:
            return False
        now = time.monotonic()
        grant = take(self.rate, self._full_at, now, units, units)
        self._full_at = grant.full_at
        self.units += grant.units
        self._lent += grant.units
        if not grant.units:
            self._empty_until = now + grant.wait_s
        return bool(grant.units)

    def _refill_in_time(self) -> None:
        if self._refilling is None and self.wait_s <= 0:
            self.refill(1.0)

    async def _refill(self, least: float) -> None:
        most = max(self._chunk, least) + self._lent
        grant = await self._shared.take(self._key, self.rate, least, min(most, self.rate.burst))
        now = time.monotonic()
        if grant is None:
            grant = take(self.rate, self._full_at, now, least, max(self._chunk, least))
            self._full_at, self._lent, new = grant.full_at, 0.0, grant.units
        else:
            paid = min(self._lent, grant.units)
            self._lent, new = self._lent - paid, grant.units - paid
            self._full_at = max(self._full_at, now) + new / self.rate.per_s
        self.units += new
        if not grant.units:
            self._empty_until = now + grant.wait_s

    def _refilled(self, task: "asyncio.Task[None]") -> None:
        self._refilling = None
        self.is_sound = not task.cancelled() and task.exception() is None
        if not task.cancelled() and (error := task.exception()):
            log.error("a limit could not be refilled", exc_info=error)
