"""When a step that failed is tried again by itself, and what sees to it when the time has come."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from services.mesh.due import Due
from services.mesh.store import Store, now
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import earliest_retry
from services.orchestrator.tasks.task import TASK_STATES, TASKS, Events, TaskRecord

FACTOR: Final = 2
JITTER: Final = 0.25
"""Share of a delay that may be taken off, so that steps that failed together come one by one."""


def next_try(
    task: TaskRecord, step: StepRecord, failure: FailureRecord, settings: OrchestratorSettings
) -> datetime | None:
    """Return when a step whose run just failed is tried again; None where it is not."""
    limit = step.retry_limit
    if failure.disposition == "INFRASTRUCTURE":
        limit = max(limit, settings.max_infrastructure_attempts - 1)
    elif failure.disposition == "PERSON":
        limit = 0
    if step.retries >= limit or task.state == "CANCELLING":
        return None
    return now() + timedelta(seconds=delay_s(task, step, settings))


def delay_s(task: TaskRecord, step: StepRecord, settings: OrchestratorSettings) -> float:
    """Return the seconds until a step's next try; the same attempt always waits as long."""
    longest: float = min(settings.retry_initial_s * FACTOR**step.retries, settings.retry_max_s)
    seed = hashlib.sha256(f"{task.name} {step.number} {step.attempt}".encode()).digest()
    return longest * (1 - JITTER * int.from_bytes(seed[:4], "big") / 2**32)


class BackOff:
    """Wakes the tasks of which a step is to be tried again."""

    def __init__(self, store: Store, wake: Callable[[str], None]) -> None:
        self._store = store
        self._wake = wake
        self._due = Due(store, TASKS, "wake_time", self._on_time)

    async def run(self) -> None:
        """Wake tasks when their time has come, for ever."""
        await self._due.run()

    def look(self) -> None:
        """Look soon: a step is to be tried again at a time that was written just now."""
        self._due.look()

    async def _on_time(self, due: TaskRecord) -> None:
        await self._store.update(TASKS, due.name, release_steps)
        self._wake(due.name)


def release_steps(task: TaskRecord) -> Events | None:
    """Let the steps whose time has come start; None where somebody else did."""
    if task.wake_time is None or task.wake_time > now():
        return None
    if TASK_STATES.is_final(task.state):
        task.wake_time = None
        return []
    moment = now()
    for step in task.steps:
        if step.retry_time and step.retry_time <= moment:
            step.retry_time = None
    task.wake_time = earliest_retry(task)
    task.wake = True
    return []
