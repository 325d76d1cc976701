"""What runs came to, asked of the agent runner and folded into their tasks."""

import logging
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Final

from adjutant.agent_runner.v1 import run_pb2
from services.mesh.store import Store, now
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.outcome import FINAL, take_in
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord

log = logging.getLogger(__name__)
TOLD_WITHIN: Final = timedelta(seconds=4)
"""How long the event of a run's end may take to come; it is asked for then."""


class Results:
    """Asks for runs and folds what they came to into their tasks."""

    def __init__(
        self,
        store: Store,
        runner: Runner,
        settings: OrchestratorSettings,
        on_retry: Callable[[], None],
    ) -> None:
        """Take what is called when a step is to be tried again at some time."""
        self._store = store
        self._runner = runner
        self._settings = settings
        self._on_retry = on_retry

    async def take_in(self, name: str, run_name: str, *, told: bool) -> TaskRecord | None:
        """Fold a run into its task; None where that is no task of ours. RunnerUnavailableError.

        `told` says that the run's end is in the event log. Else an end of just now is left to its
        event, so that a task's last event comes after those of its runs.
        """
        if await self._store.find(TASKS, name) is None:
            log.info("run %s belongs to no task of ours", run_name)
            return None
        run = await self._runner.get(run_name)
        if run is None:
            # Nor may anybody start it any more: a replica that was paused just before it did
            # finds it ended, and the step is started under another name.
            await self._runner.cancel(run_name)
        elif not told and _is_on_its_way(run):
            return await self._store.get(TASKS, name)

        def change(task: TaskRecord) -> Events | None:
            before = task.news_time
            events = take_in(task, run_name, run, self._settings)
            stale = now() - before > timedelta(seconds=self._settings.run_check_age_s / 2)
            return [] if events is None and stale else events

        task = await self._store.update(TASKS, name, change)
        if task.wake_time:
            self._on_retry()
        return task


def _is_on_its_way(run: run_pb2.Run) -> bool:
    """Tell whether the event of a run's end will be told soon.

    A run that was cancelled before it started has none.
    """
    if run.state not in FINAL or not run.spec.agent:
        return False
    return now() - run.end_time.ToDatetime(UTC) < TOLD_WITHIN
