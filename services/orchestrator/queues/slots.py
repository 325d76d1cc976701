"""Who gets a free slot: FOREGROUND before BACKGROUND, with a bound on the wait.

Within a queue a task that goes on comes before one that is QUEUED: what is begun holds runs,
people and changes, its passes are short, and they are finite, so it delays the others by little.
Among those, ranks decide. After `burst` grants to the foreground in a row, while somebody of the
background waited, the background has one: its first waiter gets a slot after at most
`burst` others.

Places may change while their tasks wait: by an edit in this process (`place`), or in another one,
which the reconcile loop tells of. A task whose turn comes is looked at again, so that it is served
by its present place in either case.
"""

import asyncio
import contextlib
import dataclasses
import heapq
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

QUEUES: Final = ("FOREGROUND", "BACKGROUND")


@dataclasses.dataclass(frozen=True, order=True)
class Place:
    """Where a task stands among those of its queue that wait for a slot."""

    is_new: bool
    """Whether it is QUEUED; one that goes on comes first."""
    rank: str
    name: str
    queue: str = dataclasses.field(default="FOREGROUND", compare=False)


Look = Callable[[str], Awaitable[Place | None]]


@dataclasses.dataclass(eq=False)
class _Waiter:
    place: Place
    turn: "asyncio.Future[None]"


class _Line:
    """The waiters of one queue; what was given another place is dropped when it comes up."""

    def __init__(self) -> None:
        self._heap: list[tuple[Place, int, _Waiter]] = []
        self._count = 0

    def push(self, waiter: _Waiter) -> None:
        self._count += 1
        heapq.heappush(self._heap, (waiter.place, self._count, waiter))

    def first(self) -> _Waiter | None:
        while self._heap:
            place, _, waiter = self._heap[0]
            if place is waiter.place and not waiter.turn.done():
                return waiter
            heapq.heappop(self._heap)
        return None

    def pop(self) -> None:
        heapq.heappop(self._heap)


class Slots:
    """Grants a bounded number of slots."""

    def __init__(self, count: int, burst: int, look: Look) -> None:
        """Take how many slots there are, the bound, and what returns a task's present place.

        `look` returns None for what is gone; that is granted a slot and finds nothing to do.
        """
        self._free = count
        self._burst = burst
        self._look = look
        self._lines = {queue: _Line() for queue in QUEUES}
        self._waiting: dict[str, _Waiter] = {}
        self._in_a_row = 0

    @contextlib.asynccontextmanager
    async def held(self, name: str) -> AsyncIterator[None]:
        """Hold a slot for the block, and wait for one before."""
        await self._acquire(name)
        try:
            yield
        finally:
            self._release()

    def place(self, place: Place) -> None:
        """Give a task that waits here another place; others are left alone."""
        waiter = self._waiting.get(place.name)
        if waiter and not waiter.turn.done() and not _same(waiter.place, place):
            waiter.place = place
            self._lines[place.queue].push(waiter)

    async def _acquire(self, name: str) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            self._in_a_row = 0  # nobody of the background waits
            return
        place = await self._look(name) or Place(is_new=False, rank="", name=name)
        while True:
            await self._wait(place)
            try:
                seen = await self._look(name)
            except BaseException:
                self._release()
                raise
            if seen is None or _same(seen, place):
                return
            if place.queue == "BACKGROUND":
                # Its turn was the background's, which has the next one if this was none of it.
                self._in_a_row = self._burst
            if not self._is_overtaken(seen):
                return
            place = seen
            self._free += 1  # it waits on; whoever is first now is granted below

    async def _wait(self, place: Place) -> None:
        waiter = _Waiter(place, asyncio.get_running_loop().create_future())
        self._waiting[place.name] = waiter
        self._lines[place.queue].push(waiter)
        self._grant()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._release()  # the turn came with the cancellation
            else:
                waiter.turn.cancel()
            raise
        finally:
            if self._waiting.get(place.name) is waiter:
                del self._waiting[place.name]

    def _is_overtaken(self, seen: Place) -> bool:
        """Tell whether somebody who waits comes before a task that turns out to stand elsewhere."""
        return any(
            (first := self._lines[queue].first()) is not None
            and (QUEUES.index(queue), first.place) < (QUEUES.index(seen.queue), seen)
            for queue in QUEUES
        )

    def _release(self) -> None:
        self._free += 1
        self._grant()

    def _grant(self) -> None:
        while self._free and (queue := self._next_queue()):
            waiter = self._lines[queue].first()
            assert waiter is not None
            self._lines[queue].pop()
            self._free -= 1
            waiter.turn.set_result(None)

    def _next_queue(self) -> str:
        """Return the queue whose turn it is, and count; empty where nobody waits."""
        waiting = {queue: self._lines[queue].first() is not None for queue in QUEUES}
        if not waiting["BACKGROUND"]:
            self._in_a_row = 0
            return "FOREGROUND" if waiting["FOREGROUND"] else ""
        if waiting["FOREGROUND"] and self._in_a_row < self._burst:
            self._in_a_row += 1
            return "FOREGROUND"
        self._in_a_row = 0
        return "BACKGROUND"


def _same(one: Place, other: Place) -> bool:
    return one == other and one.queue == other.queue
