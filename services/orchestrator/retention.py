"""What becomes of the checkpoints of tasks that have ended.

While a task goes on, its thread keeps its newest checkpoints (Checkpoints.keep). When it has
ended all but the last are removed, and after a while that one too: a retry needs none of them, it
starts from the record of the task.
"""

from datetime import timedelta

from services.mesh.store import Store
from services.orchestrator.adapters.checkpoints import Checkpoints
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord


class Retention:
    """Sees to threads whose `thread_time` has come."""

    def __init__(self, store: Store, checkpoints: Checkpoints, ttl_s: float) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._ttl = timedelta(seconds=ttl_s)

    async def see_to(self, seen: TaskRecord) -> None:
        """Compact a thread that has ended, or remove one that ended long ago."""
        task = await self._store.find(TASKS, seen.name)
        if task is None or task.end_time != seen.end_time:
            return  # it was queued again meanwhile
        # First the thread, then the note: a crash in between has it done once more.
        if seen.thread_compacted:
            await self._checkpoints.adelete_thread(seen.name)
        else:
            await self._checkpoints.compact(seen.name)
        await self._store.update(TASKS, seen.name, lambda task: self._advance(task, seen))

    def _advance(self, task: TaskRecord, seen: TaskRecord) -> Events | None:
        if task.end_time is None or task.thread_time != seen.thread_time:
            return None
        task.thread_time = None if seen.thread_compacted else task.end_time + self._ttl
        task.thread_compacted = True
        return []
