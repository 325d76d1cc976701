"""Has tasks tell in the session that they were handed in from how they go."""

from typing import Final

from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from services.mesh.errors import suppress_not_found
from services.mesh.names import collection_and_id
from services.mesh.store import Store
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.tasks.task import TASKS

KINDS: Final = (
    event_pb2.EVENT_KIND_TASK_STATE_CHANGED,
    event_pb2.EVENT_KIND_APPROVAL_REQUESTED,
)
"""Of the events that a session hears of."""


class Following:
    """Puts what happens to tasks into sessions as messages, each event once."""

    def __init__(self, store: Store, messages: ChatMessages) -> None:
        self._store = store
        self._messages = messages

    async def on_event(self, event: event_pb2.Event) -> None:
        """Take in what happened."""
        text = _told(event)
        task = await self._store.find(TASKS, event.task) if text and event.task else None
        session = task and task.session and await self._store.find(SESSIONS, task.session)
        if task and session:
            with suppress_not_found():  # the session was removed meanwhile
                await self._messages.tell(session, text, task.name, event.event_id)


def _told(event: event_pb2.Event) -> str:
    """Return what to tell of an event; empty where it is nothing."""
    task_id = collection_and_id(event.task)[1] if event.task else ""
    if event.kind == event_pb2.EVENT_KIND_APPROVAL_REQUESTED:
        approval_id = collection_and_id(event.resource)[1]
        asked = event.approval_requested.title
        return f"The task {task_id} waits for an approval, {approval_id}: {asked}"
    changed = event.task_state_changed
    what = f"The task {task_id}, “{changed.title}”,"
    was_queued = changed.previous_state == states.TASK_STATE_QUEUED
    if changed.state == states.TASK_STATE_ORCHESTRATING:
        return f"{what} has begun." if was_queued else ""
    if changed.state == states.TASK_STATE_COMPLETED:
        partly = " in part: some steps failed or were skipped" if changed.partial_success else ""
        commit = f" Commit {changed.commit.sha[:12]}." if changed.commit.sha else ""
        return f"{what} is completed{partly}.{commit}"
    if changed.state == states.TASK_STATE_FAILED:
        return f"{what} failed. {changed.failure.message}"
    return f"{what} was cancelled." if changed.state == states.TASK_STATE_CANCELLED else ""
