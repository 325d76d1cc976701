"""What happened to what tasks wait for: told by events, or asked for where an event was missed.

Events are primary. The reconcile loop finds tasks whose event was missed, and those that nobody
works on although somebody should.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from adjutant.event.v1 import event_pb2
from services.mesh.store import Store, now
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.conductor import LATER, WANTED
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.outcome import FINAL
from services.orchestrator.tasks.results import Results
from services.orchestrator.tasks.task import TASK_STATES, TASKS, Events, TaskRecord

log = logging.getLogger(__name__)


class News:
    """Folds news into the tasks that they are about, and wakes those."""

    def __init__(
        self,
        store: Store,
        results: Results,
        wake: Callable[[str], None],
        place: Callable[[TaskRecord], None],
        settings: OrchestratorSettings,
    ) -> None:
        self._store = store
        self._results = results
        self._wake = wake
        self._place = place
        self._settings = settings

    async def on_run_event(self, event: event_pb2.Event) -> None:
        """Take in the end of a run, and wake its task."""
        if event.task and event.run_state_changed.state in FINAL:
            await self._take_in(event.task, event.resource, told=True)

    async def on_approval_event(self, event: event_pb2.Event) -> None:
        """Wake the task whose approval was decided."""

        def change(task: TaskRecord) -> Events | None:
            if task.approval != event.resource or TASK_STATES.is_final(task.state):
                return None
            task.wake = True
            return []

        if not event.task:
            return  # whoever asked hears of it by the same event
        if await self._store.find(TASKS, event.task) is None:
            log.info("approval %s belongs to no task of ours", event.resource)
            return
        await self._store.update(TASKS, event.task, change)
        self._wake(event.task)

    async def reconcile_forever(self) -> None:
        """Find tasks that nobody works on although somebody should."""
        # At the start everything is asked for: the news may have come when nobody was here.
        check_age_s = 0.0
        while True:
            try:
                await self._reconcile(check_age_s)
                check_age_s = self._settings.run_check_age_s
            except LATER as error:
                log.warning("reconcile waits: %s", error)
            await asyncio.sleep(self._settings.reconcile_interval_s)

    async def _reconcile(self, check_age_s: float) -> None:
        unfinished = {"state": WANTED}
        async for task in self._store.scan(TASKS, unfinished):
            self._place(task)  # another replica may have moved it
            self._wake(task.name)
        oldest = now() - timedelta(seconds=check_age_s)
        waiting = {"state": ("WAITING_FOR_AGENT", "WAITING_FOR_USER")}
        async for task in self._store.scan(TASKS, waiting):
            if task.wake:
                self._wake(task.name)
            elif task.news_time < oldest:
                await self._check(task)

    async def _check(self, task: TaskRecord) -> None:
        """Ask for what should have been told."""
        for run in task.active_runs():
            await self._take_in(task.name, run, told=False)
        if task.state == "WAITING_FOR_USER" and task.approval:
            approval = await self._store.get(APPROVALS, task.approval)
            if approval.state != "PENDING":
                await self._store.update(TASKS, task.name, _set_wake)
                self._wake(task.name)

    async def _take_in(self, name: str, run: str, *, told: bool) -> None:
        task = await self._results.take_in(name, run, told=told)
        if task and task.wake:
            self._wake(name)


def _set_wake(task: TaskRecord) -> Events | None:
    task.wake = True
    return []
