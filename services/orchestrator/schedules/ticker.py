"""Sees to the ticks of schedules: one replica to each, and each tick makes at most one task.

What is to become of a tick is decided once and written down before its task is handed in; the
task's request key follows from schedule and tick. So a repeat after a crash goes on with the same
tick and finds the task that is there. The lease keeps replicas from doing the same work; it is
not what makes a tick happen once.
"""

import logging
from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.lease import Leases
from services.mesh.names import project_of
from services.mesh.store import RequestKey, Store
from services.orchestrator.schedules.schedule import (
    SCHEDULES,
    Result,
    ScheduleRecord,
    Tick,
    begin,
    decide,
    ticked,
)
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.task import TASK_STATES, TASKS
from services.orchestrator.tasks.tasks import Tasks

log = logging.getLogger(__name__)
_PASSING: Final = ("CONCURRENT_CHANGE", "EVENT_LOG_UNAVAILABLE", "STORE_UNAVAILABLE", "STALE_FENCE")
"""Reasons that say nothing of the task: the tick is seen to later."""


class Ticker:
    """Hands in the tasks of schedules whose time has come."""

    def __init__(
        self, store: Store, leases: Leases, tasks: Tasks, settings: OrchestratorSettings
    ) -> None:
        self._store = store
        self._leases = leases
        self._tasks = tasks
        self._grace_s = settings.schedule_grace_s
        self._patience_s = settings.schedule_lock_timeout_s

    async def tick(self, seen: ScheduleRecord) -> None:
        """See to a schedule that is due; what another replica does meanwhile is left to it."""
        async with self._leases.held(_lease_key(seen.name), self._patience_s) as lease:
            if lease is None:
                log.info("somebody else sees to %s", seen.name)
                return
            record = await self._store.find(SCHEDULES, seen.name)
            if record is not None and record.due_time == seen.due_time:
                await self._see_to(record, lease.token)

    async def _see_to(self, record: ScheduleRecord, fence: int) -> None:
        name = record.name
        tick = decide(record, self._grace_s, busy=await self._is_busy(record))
        if tick is None:
            return
        result = Result()
        if tick.outcome == "SUBMITTED":
            if record.pending is None:
                await self._store.update(SCHEDULES, name, lambda now: begin(now, tick), fence=fence)
            result = await self._submit(record, tick)
        await self._store.update(
            SCHEDULES, name, lambda now: ticked(now, tick, result), fence=fence
        )

    async def _is_busy(self, record: ScheduleRecord) -> bool:
        task = await self._store.find(TASKS, record.last_task) if record.last_task else None
        return task is not None and not TASK_STATES.is_final(task.state)

    async def _submit(self, record: ScheduleRecord, tick: Tick) -> Result:
        key = RequestKey(record.name, f"tick {tick.time.isoformat()}", "")
        try:
            task = await self._tasks.hand_in(record.request(), record.creator, key)
        except AdjutantError as refused:
            if refused.reason in _PASSING:
                raise
            return Result(failure=FailureRecord(reason=refused.reason, message=refused.message))
        return Result(task=task.name)


def _lease_key(name: str) -> str:
    client, project = project_of(name)
    return f"schedule.{client}.{project}.{name.rpartition('/')[2]}"
