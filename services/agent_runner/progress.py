"""What jobs say of themselves: at most so many events a second, and never without the last."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.agent_runner.patience import happens
from services.agent_runner.run import RUNS, Report, RunRecord, progressed
from services.mesh.errors import AdjutantError

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2
    from services.mesh.store import Store


class Progress:
    """Writes the progress of one run; of what is said within an interval the last wins."""

    def __init__(self, name: str, store: Store, fence: int, interval_s: float) -> None:
        self._name = name
        self._store = store
        self._fence = fence
        self._interval_s = interval_s
        self._said: Report | None = None
        self._writing: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()

    def say(self, report: Report) -> None:
        """Take what the job said; it is written now, or when the interval is over."""
        if self._closed.is_set():
            return
        self._said = report.after(self._said)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())

    async def close(self) -> None:
        """Write what is still to be written; what is said later is not news any more."""
        self._closed.set()
        if self._writing is not None:
            await self._writing
        await self._write()

    async def _write_all(self) -> None:
        while self._said is not None:
            await self._write()
            if await happens(self._closed, self._interval_s):
                return

    async def _write(self) -> None:
        said, self._said = self._said, None
        if said is None:
            return

        def change(run: RunRecord) -> list[event_pb2.Event] | None:
            return None if run.is_final else progressed(run, said)

        try:
            await self._store.update(RUNS, self._name, change, fence=self._fence)
        except AdjutantError as error:
            if error.reason != "STALE_FENCE":  # else whoever looks after the run now hears of it
                raise
