"""Takes back what is asked for tasks and runs that have ended; nobody needs the answer any more."""

from collections.abc import Sequence

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2
from services.mesh.store import Store
from services.orchestrator import convert
from services.orchestrator.approvals import metrics as approval_metrics
from services.orchestrator.approvals.approval import APPROVALS, ApprovalRecord, dismiss
from services.orchestrator.tasks.outcome import FINAL
from services.orchestrator.tasks.task import TASK_STATES, TASKS

_FINAL = {task_pb2.TaskState.Value(convert.task_state(state)) for state in TASK_STATES.final}


class Dismissal:
    """Dismisses approvals; it hears of every end from the event log, whenever it is there to."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_event(self, event: event_pb2.Event) -> None:
        """Take in the end of a task or of a run; doing it again finds nothing."""
        if event.run_state_changed.state in FINAL:
            await self.of_run(event.resource)
        elif event.task_state_changed.state in _FINAL:
            # One that was queued again meanwhile asks for itself what it needs.
            task = await self._store.find(TASKS, event.resource)
            if task is None or TASK_STATES.is_final(task.state):
                await self._dismiss("task", event.resource)

    async def of_task(self, name: str) -> None:
        """Dismiss all that a task asks."""
        await self._dismiss("task", name)

    async def of_run(self, name: str) -> None:
        """Dismiss all that a run asks."""
        await self._dismiss("run", name)

    async def of_names(self, names: Sequence[str], reason: str) -> None:
        """Dismiss those of some approvals that were asked for and wait."""
        for name in names:
            if await self._store.find(APPROVALS, name):
                await self._end(name, reason)

    async def _dismiss(self, noun: str, name: str) -> None:
        async for approval in self._store.scan(APPROVALS, {noun: (name,), "state": ("PENDING",)}):
            await self._end(approval.name, f"the {noun} has ended")

    async def _end(self, name: str, reason: str) -> None:
        before = ""

        def change(approval: ApprovalRecord) -> Sequence[event_pb2.Event] | None:
            nonlocal before
            before = approval.state
            return dismiss(approval, reason)

        record = await self._store.update(APPROVALS, name, change)
        if before == "PENDING":
            approval_metrics.resolved(record)
