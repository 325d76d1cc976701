"""The two queues: who waits where, and how that is changed.

A task's place is its rank in its own record, so an edit is one write, and edits at once give one
order that everybody agrees on. An edit takes the place that is free when it is written: where
somebody put another task there meanwhile, it looks for its place anew.
"""

from collections.abc import Callable
from typing import Final

from adjutant.common.v1 import queue_pb2, task_pb2
from adjutant.event.v1 import event_pb2, task_events_pb2
from adjutant.orchestrator.v1 import queue_service_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events import new_event
from services.mesh.names import parent_of
from services.mesh.store import Look, Page, Store, now
from services.orchestrator import convert
from services.orchestrator.queues import rank
from services.orchestrator.queues.slots import Place
from services.orchestrator.requests import check_etag
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord

TRIES: Final = 50
KINDS: Final = frozenset({event_pb2.EVENT_KIND_TASK_STATE_CHANGED, event_pb2.EVENT_KIND_TASK_MOVED})
"""Kinds of the events that may say that a queue changed."""


def queue_of(queue: int) -> str:
    """Return a request's queue as it is stored; unset is FOREGROUND."""
    return "BACKGROUND" if queue == queue_pb2.TASK_QUEUE_BACKGROUND else "FOREGROUND"


def is_of_queues(event: event_pb2.Event) -> bool:
    """Tell whether one of these events says that a task entered, left or moved.

    A frame without an event, which is a marker, is for everybody.
    """
    if not event.HasField("task_state_changed"):
        return True
    changed = event.task_state_changed
    return task_pb2.TASK_STATE_QUEUED in (changed.previous_state, changed.state)


def place_of(task: TaskRecord) -> Place:
    """Return where a task stands among those that wait for a slot."""
    return Place(task.state == "QUEUED", task.rank, task.name, task.queue)


class _TakenError(Exception):
    """Somebody changed the queue meanwhile, just there."""


class Queues:
    """Lists the queues and puts tasks elsewhere in them."""

    def __init__(self, store: Store, moved: Callable[[TaskRecord], None]) -> None:
        """Take the store, and whom to tell of a task that has another place now."""
        self._store = store
        self._moved = moved

    async def page(self, request: queue_service_pb2.ListQueueRequest) -> Page[TaskRecord]:
        """Return a page of a queue, the next one first. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            TASKS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by or "rank asc",
            page_size=request.page_size,
            page_token=request.page_token,
            where={"state": "QUEUED", "queue": queue_of(request.queue)},
        )

    async def reorder(self, request: queue_service_pb2.ReorderTaskRequest) -> TaskRecord:
        """Put a task elsewhere in its queue.

        NOT_FOUND, ILLEGAL_TRANSITION, NOT_IN_QUEUE, QUEUE_CROWDED, CONCURRENT_CHANGE.
        """
        return await self._put(request.name, "", request.before, request.etag)

    async def move(self, request: queue_service_pb2.MoveTaskRequest) -> TaskRecord:
        """Put a task into a queue; errors are those of reorder."""
        return await self._put(request.name, queue_of(request.queue), request.before, request.etag)

    async def _put(self, name: str, queue: str, before: str, etag: str) -> TaskRecord:
        if before == name:
            message = "A task cannot stand before itself; name another task of the queue."
            raise AdjutantError("INVALID_REQUEST", message, field="before")
        for _ in range(TRIES):
            task = await self._store.get(TASKS, name)
            _require_queued(task, etag)
            if await self._stands_there(task, queue, before):
                return task
            try:
                return await self._write(task, queue or task.queue, before, etag)
            except _TakenError:
                continue
        raise AdjutantError(
            "CONCURRENT_CHANGE",
            "The queue is being changed by others all the time; list it and try again.",
            retry_after_s=0.1,
        )

    async def _stands_there(self, task: TaskRecord, queue: str, before: str) -> bool:
        """Tell whether a task stands where it is wanted."""
        if queue and queue != task.queue:
            return False
        if queue and not before:
            return True
        following = await self._neighbour(task, task.queue, f'rank > "{task.rank}"', "rank asc")
        return (following.name if following else "") == before

    async def _write(self, task: TaskRecord, queue: str, before: str, etag: str) -> TaskRecord:
        wanted = await self._rank(task, queue, before)

        def change(current: TaskRecord) -> Events:
            _require_queued(current, etag)
            if (current.queue, current.rank) != (task.queue, task.rank):
                raise _TakenError
            return _move(current, queue, wanted)

        def guard(look: Look) -> None:
            if look.holds(TASKS, {"rank": (wanted,)}):
                raise _TakenError

        moved = await self._store.update(TASKS, task.name, change, guard=guard)
        self._moved(moved)
        return moved

    async def _rank(self, task: TaskRecord, queue: str, before: str) -> str:
        """Return the rank of the wanted place."""
        if not before:
            last = await self._neighbour(task, queue, "", "rank desc")
            newest = rank.at(now())
            return newest if last is None or last.rank < newest else rank.after(last.rank)
        other = await self._store.find(TASKS, before)
        high = _rank_in_queue(other, task, queue)
        previous = await self._neighbour(task, queue, f'rank < "{high}"', "rank desc")
        return rank.between(previous.rank if previous else "", high)

    async def _neighbour(
        self, task: TaskRecord, queue: str, filter_text: str, order_by: str
    ) -> TaskRecord | None:
        """Return the first other task of the project's queue that matches."""
        page = await self._store.page(
            TASKS,
            parent=parent_of(task.name),
            filter_text=filter_text,
            order_by=order_by,
            page_size=2,
            where={"state": "QUEUED", "queue": queue},
        )
        return next((found for found in page.records if found.name != task.name), None)


def _require_queued(task: TaskRecord, etag: str) -> None:
    if task.state != "QUEUED":
        raise AdjutantError(
            "ILLEGAL_TRANSITION",
            f"The task is {task.state} and waits in no queue any more; there is nothing to move.",
            metadata={"state": task.state},
        )
    check_etag(task, etag)


def _rank_in_queue(other: TaskRecord | None, task: TaskRecord, queue: str) -> str:
    """Return the rank of the task that another is to stand before. NOT_IN_QUEUE."""
    if (
        other is None
        or other.state != "QUEUED"
        or other.queue != queue
        or parent_of(other.name) != parent_of(task.name)
    ):
        raise AdjutantError(
            "NOT_IN_QUEUE",
            f"`before` names a task that does not wait in {queue}; list that queue and choose "
            "one of its tasks.",
            field="before",
            metadata={"queue": queue},
        )
    # A task of an older version has no rank.
    return other.rank or rank.at(other.create_time)


def _move(task: TaskRecord, queue: str, wanted: str) -> Events:
    previous = task.queue
    task.queue, task.rank = queue, wanted
    moved = task_events_pb2.TaskMoved(
        previous_queue=convert.task_queue(previous),
        queue=convert.task_queue(queue),
        rank=wanted,
        title=task.title,
    )
    return [new_event(resource=task.name, task=task.name, task_moved=moved)]
