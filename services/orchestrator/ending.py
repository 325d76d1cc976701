"""How a task ends that does not end by itself: cancelled, or given up."""

from services.mesh.lease import Lease
from services.mesh.store import Look, Store
from services.mesh.store.changes import concurrent_change
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.outcome import FINAL
from services.orchestrator.tasks.results import Results
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, move_task


class Ending:
    """Ends everything of a task, and then the task."""

    def __init__(
        self, store: Store, runner: Runner, results: Results, dismissal: Dismissal
    ) -> None:
        self._store = store
        self._dismissal = dismissal
        self._runner = runner
        self._results = results

    async def cancel(self, task: TaskRecord, lease: Lease) -> None:
        """End everything of a cancelled task; it is CANCELLED when none of its runs is left."""
        await self._stop_work(task)

        def change(current: TaskRecord) -> Events | None:
            if current.state != "CANCELLING" or current.active_runs():
                return None
            events: Events = []
            for step in current.steps:
                if step.state == "PENDING":
                    events += move_step(current, step, "CANCELLED")
            return [*events, *move_task(current, "CANCELLED")]

        await self._store.update(
            TASKS, task.name, change, fence=lease.token, guard=lambda look: _asked(look, task.name)
        )

    async def _stop_work(self, task: TaskRecord) -> None:
        """Dismiss what a task asks and ask its runs to end; take in those that have."""
        # Also one that was asked for just when the task was cancelled, which it does not know of.
        await self._dismissal.of_task(task.name)
        for name in task.active_runs():
            run = await self._runner.cancel(name)
            if run.state in FINAL:
                await self._results.take_in(task.name, name, told=False)

    async def give_up(self, name: str, lease: Lease) -> TaskRecord:
        """Fail a task whose passes keep failing, when nothing of it goes on any more."""
        await self._stop_work(await self._store.get(TASKS, name))
        message = "The orchestrator could not go on with it; its log says why. Retry the task."
        failure = FailureRecord(reason="INTERNAL", message=message, disposition="INFRASTRUCTURE")

        def change(task: TaskRecord) -> Events | None:
            if task.state != "ORCHESTRATING" or task.active_runs():
                return None
            return move_task(task, "FAILED", failure)

        return await self._store.update(
            TASKS, name, change, fence=lease.token, guard=lambda look: _asked(look, name)
        )


def _asked(look: Look, name: str) -> None:
    """Refuse to end a task for which something was asked meanwhile: it is dismissed first."""
    if look.holds(APPROVALS, {"task": (name,), "state": ("PENDING",)}):
        raise concurrent_change(name)
