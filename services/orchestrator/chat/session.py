"""A stored session."""

from typing import Final

from adjutant.event.v1 import chat_events_pb2, event_pb2
from adjutant.orchestrator.v1 import session_pb2
from services.mesh.events import new_event
from services.mesh.store import Collection, Record, UtcTime
from services.orchestrator import convert

Events = list[event_pb2.Event]


class SessionRecord(Record):
    """A stored session. Fields mean what the contract's say."""

    display_name: str = ""
    agent: str = ""
    user: str
    message_count: int = 0
    """Number of the last message, or of an earlier one while that is being counted."""
    last_message_time: UtcTime | None = None


SESSIONS: Final = Collection(
    "sessions", SessionRecord, fields=("display_name", "agent"), hidden=("user",)
)


def announce_change(name: str, change: str) -> Events:
    """Return the event that says that a session was CREATED, UPDATED or DELETED."""
    event = chat_events_pb2.SessionChanged(change=f"CHANGE_{change}")
    return [new_event(resource=name, session_changed=event)]


def to_message(record: SessionRecord) -> session_pb2.Session:
    """Return a session as the contract's."""
    return session_pb2.Session(
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
