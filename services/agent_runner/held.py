"""A run under its lease: what every part of its driver reads, writes and is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.agent_runner import outcome
from services.agent_runner.run import RUNS, RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from adjutant.event.v1 import event_pb2
    from services.agent_runner.backend import Backend
    from services.agent_runner.collect import Collector
    from services.agent_runner.job import JobMaker
    from services.agent_runner.liveness import LivenessLimits
    from services.mesh.store import Store

LOOK_AGAIN_S = 2.0
"""A lost ring delays what happens next by at most this."""


class RunEndedError(Exception):
    """Somebody else brought the run to its end; nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What drivers work with."""

    store: Store
    backend: Backend
    jobs: JobMaker
    collector: Collector
    limits: LivenessLimits
    progress_interval_s: float


class HeldRun:
    """A run, and the lease under which it is written."""

    def __init__(self, run: RunRecord, parts: Parts, fence: int) -> None:
        """Take the run and the lease's fencing token."""
        self.record = run
        """The run as it was last seen."""
        self.fence = fence
        self.cancelled = asyncio.Event()
        """Somebody wants the run to end."""
        self._parts = parts

    @property
    def job_id(self) -> str:
        """Id of its job."""
        return self.record.job_id

    async def claim(self) -> None:
        """Make the run this driver's: whoever looked after it before is refused from now on.

        RunEndedError where it has ended meanwhile.
        """
        await self.write(lambda run: None if run.is_final else [])
        if self.record.is_final:
            raise RunEndedError
        if self.record.state == "CANCELLING":
            self.cancel()

    async def write(self, change: Callable[[RunRecord], list[event_pb2.Event] | None]) -> None:
        """Change the run. STALE_FENCE where another replica has taken over."""
        self.record = await self._parts.store.update(
            RUNS, self.record.name, change, fence=self.fence
        )

    async def look_for_cancellation(self) -> None:
        """See whether another replica was asked to end the run: there may be no job yet to tell."""
        run = await self._parts.store.get(RUNS, self.record.name)
        if run.state == "CANCELLING":
            self.cancel()

    def cancel(self) -> None:
        """Do at once what the CANCELLING in the store asks for."""
        self.cancelled.set()
        self._parts.backend.request_end(self.job_id, outcome.CANCELLED)
