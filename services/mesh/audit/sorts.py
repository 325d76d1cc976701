"""Counting alike calls of a window, in a table of bounded size.

Each caller has so many sorts, and all that are too many for it are one sort more; likewise
all callers together. So nobody makes the table grow, nor crowds others out of it for less than
the whole table's worth of callers.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, TypeAlias

from adjutant.event.v1 import event_pb2
from services.mesh.audit.entry import repeated, trace_number
from services.mesh.store import now

MAX_SORTS: Final = 1024
"""How many sorts a table tells apart in a window."""
MAX_SORTS_OF_ONE: Final = 32
"""How many of them one caller may take."""

Key: TypeAlias = tuple[str, ...]
Make: TypeAlias = Callable[[int], event_pb2.Event]


@dataclass(slots=True)
class _Sort:
    first: event_pb2.Event
    more: int = 0
    since: datetime | None = None
    """When the second came."""
    trace: int = 0
    """Trace of the last."""


class Sorts:
    """A table of what was counted in a window."""

    NOBODY: ClassVar = 0
    """An entry for many callers tells of none of them."""
    CALLER: ClassVar = 1
    """An entry for many sorts of one caller tells who it is."""
    ALL: ClassVar = 2
    """An entry for one sort tells everything."""

    def __init__(self, max_sorts: int) -> None:
        self._max_sorts = max_sorts
        self._sorts: dict[tuple[Key, Key], _Sort] = {}
        self._of: Counter[Key] = Counter()

    def again(self, who: Key, sort: Key) -> bool:
        """Count a call whose sort is known; False where it is not."""
        found = self._sorts.get((who, sort))
        if found is None:
            return False
        _count(found)
        return True

    def count(self, who: Key, sort: Key, coarse: Key, make: Make) -> event_pb2.Event | None:
        """Count a call; return the entry to write where it is the first of its sort.

        `coarse` is what is still told apart among sorts that are too many.
        """
        key, told = self._place(who, sort, coarse)
        if self.again(*key):
            return None
        self._of[who] += 1
        self._sorts[key] = _Sort(make(told))
        return self._sorts[key].first

    def end(self) -> Iterator[event_pb2.Event]:
        """Begin a new window, and yield entries for what came after the firsts of the last."""
        ended, self._sorts = self._sorts, {}
        self._of.clear()
        for sort in ended.values():
            if sort.since:
                yield repeated(sort.first, sort.more, sort.since, sort.trace)

    def _place(self, who: Key, sort: Key, coarse: Key) -> tuple[tuple[Key, Key], int]:
        if (who, sort) in self._sorts:
            return (who, sort), self.ALL
        if len(self._sorts) >= self._max_sorts:
            return ((), coarse), self.NOBODY
        if self._of[who] >= MAX_SORTS_OF_ONE:
            return (who, coarse), self.CALLER
        return (who, sort), self.ALL


def _count(sort: _Sort) -> None:
    sort.more += 1
    sort.trace = trace_number()
    if sort.since is None:
        sort.since = now()
