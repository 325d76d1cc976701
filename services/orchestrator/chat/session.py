"""A stored session."""

from typing import Final

from pydantic import BaseModel

from adjutant.event.v1 import chat_events_pb2, event_pb2
from adjutant.orchestrator.v1 import session_pb2
from services.mesh.errors import not_found
from services.mesh.events import new_event
from services.mesh.store import Collection, Guard, Look, Record, UtcTime
from services.orchestrator import convert

Events = list[event_pb2.Event]


class AwaitedCall(BaseModel):
    """A call of a tool that waits for the user's word, in words."""

    tool: str
    summary: str


class AwaitedRecord(BaseModel):
    """What the user is asked to confirm."""

    response: str
    calls: list[AwaitedCall]
    create_time: UtcTime


class SessionRecord(Record):
    """A stored session. Fields mean what the contract's say."""

    display_name: str = ""
    agent: str = ""
    user: str
    message_count: int = 0
    """Number of the last message, or of an earlier one while that is being counted."""
    last_message_time: UtcTime | None = None
    awaited: AwaitedRecord | None = None
    """What its user is asked to confirm; None where nothing is."""


SESSIONS: Final = Collection(
    "sessions", SessionRecord, fields=("display_name", "agent"), hidden=("user",)
)


def session_stands(name: str) -> Guard:
    """Return the guard of what is made in a session: it must not be removed. NOT_FOUND."""

    def guard(look: Look) -> None:
        if look.find(SESSIONS, name) is None:
            raise not_found("session", name)

    return guard


def announce_change(name: str, change: str) -> Events:
    """Return the event that says that a session was CREATED, UPDATED or DELETED."""
    event = chat_events_pb2.SessionChanged(change=f"CHANGE_{change}")
    return [new_event(resource=name, session_changed=event)]


def await_word(session: SessionRecord, awaited: AwaitedRecord | None) -> Events | None:
    """Note what its user is asked to confirm, or that nothing is."""
    if session.awaited == awaited:
        return None
    session.awaited = awaited
    return announce_change(session.name, "UPDATED")


def to_message(record: SessionRecord, *, busy: bool | None = None) -> session_pb2.Session:
    """Return a session as the contract's.

    `busy` tells whether an answer is made in it; None leaves its state out.
    """
    message = session_pb2.Session(
        name=record.name,
        display_name=record.display_name,
        agent=record.agent,
        user=record.user,
        message_count=record.message_count,
        last_message_time=convert.time(record.last_message_time),
        create_time=convert.time(record.create_time),
        update_time=convert.time(record.update_time),
        etag=record.etag,
    )
    if busy is not None:
        idle = "AWAITING" if record.awaited else "IDLE"
        state = "PROCESSING" if busy else idle
        message.state = session_pb2.SessionState.Value(f"SESSION_STATE_{state}")  # type: ignore[assignment]
    if record.awaited and not busy:
        message.pending_action.CopyFrom(_pending(record.awaited))
    return message


def _pending(awaited: AwaitedRecord) -> session_pb2.PendingAction:
    return session_pb2.PendingAction(
        response=awaited.response,
        calls=[session_pb2.PendingCall(tool=c.tool, summary=c.summary) for c in awaited.calls],
        create_time=convert.time(awaited.create_time),
    )
