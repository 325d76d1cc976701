"""What jobs say of themselves: at most so many events a second, and never without the last.

It lies in the job's folder until it stands in the run's record, so that whoever looks after the
run next, after a kill or because this driver's lease is over, finds what was not written yet.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.agent_runner.run import RUNS, Report, RunRecord, progressed
from services.agent_runner.words import report_of
from services.mesh import tasks
from services.mesh.tasks import happens

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2
    from services.agent_runner.backend import JobWords
    from services.mesh.store import Store


class Progress:
    """Writes the progress of one run; of what is said within an interval the last wins."""

    def __init__(
        self, name: str, store: Store, fence: int, words: JobWords, interval_s: float
    ) -> None:
        self._name = name
        self._store = store
        self._fence = fence
        self._words = words
        self._interval_s = interval_s
        self._said: Report | None = None
        self._taken: set[str] = set()
        """The words in `_said`, and those that are being written."""
        self._writing: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    def look(self) -> None:
        """Take in what the job said; it is written now, or when the interval is over.

        Raises what an earlier write ended with, such as STALE_FENCE: the words are where they were.
        """
        if self._writing is not None and self._writing.done():
            self._writing.result()
            self._writing = None
        self._take()
        if self._said is not None and self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def close(self) -> None:
        """Write what is still to be written; what is said later is not taken any more.

        Raises what a write ended with.
        """
        self._words.close()
        self._closed.set()
        if self._writing is not None:
            await self._writing
        self._take()
        await self._write()

    async def stop(self) -> None:
        """Leave what is not written yet to whoever looks after the run next."""
        if self._writing is not None:
            await tasks.end([self._writing])
            if not self._writing.cancelled():
                self._writing.exception()  # the driver's own writes failed likewise

    def _take(self) -> None:
        for name, word in self._words.left().items():
            if name not in self._taken:
                self._taken.add(name)
                self._said = report_of(word).after(self._said)

    async def _write_all(self) -> None:
        while self._said is not None:
            await self._write()
            if await happens(self._closed, self._interval_s):
                return

    async def _write(self) -> None:
        said, self._said = self._said, None
        written = list(self._taken)
        if said is None:
            return

        def change(run: RunRecord) -> list[event_pb2.Event] | None:
            return None if run.is_final else progressed(run, said)

        await self._store.update(RUNS, self._name, change, fence=self._fence)
        self._words.forget(written)
        self._taken.difference_update(written)
