"""Responses: their record, their states, and what happens to them.

Functions here change a record in place and return the events that announce the change.
"""

from datetime import timedelta
from typing import Final

from adjutant.event.v1 import event_pb2, response_events_pb2
from adjutant.orchestrator.v1 import response_pb2
from services.mesh.events import new_event
from services.mesh.names import parent_of
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert
from services.orchestrator.agents.authority import AuthorityRecord
from services.orchestrator.models.port import Finished
from services.orchestrator.tasks.failure import FailureRecord

RESPONSE_STATES: Final = StateMachine(
    noun="response",
    initial="QUEUED",
    transitions={
        "QUEUED": ("STREAMING", "CANCELLED"),
        "STREAMING": (
            "STREAMING",  # a new attempt: whoever made it was gone
            "COMPLETED",
            "FAILED",
            "CANCELLED",
        ),
        "COMPLETED": (),
        "FAILED": (),
        "CANCELLED": (),
    },
    final=frozenset({"COMPLETED", "FAILED", "CANCELLED"}),
)
"""Every transition is announced by response_state_changed."""
UNFINISHED: Final = ("QUEUED", "STREAMING")
Events = list[event_pb2.Event]


class ResponseRecord(Record):
    """A stored response. Fields that the contract has too mean what it says."""

    user: str
    authority: AuthorityRecord | None = None
    """Whose rights the answer is made with; None, of an older version, is none."""
    prompt: str
    """What the user said; the message that it answers is made of it."""
    agent: str = ""
    model: str = ""
    state: str = "QUEUED"
    cancel_requested: bool = False
    attempt: int = 0
    text: str = ""
    failure: FailureRecord | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    start_time: UtcTime | None = None
    end_time: UtcTime | None = None
    expire_time: UtcTime | None = None
    due_time: UtcTime | None = None
    """When something is left to do: its message is not in the session yet, or it expires."""
    question: str = ""
    """Name of the message that it answers; empty until that stands in the session."""
    message: str = ""
    """Name of the message that it made; empty where it made none, or has not yet."""
    settled: bool = False
    """Whether what it came to stands in the session; readers are told of its end then."""

    @property
    def session(self) -> str:
        """Name of the session that it is in."""
        return parent_of(self.name)

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return RESPONSE_STATES.is_final(self.state)


RESPONSES: Final = Collection(
    "responses", ResponseRecord, fields=("state", "user", "agent"), hidden=("due_time",)
)


def begin(response: ResponseRecord) -> Events:
    """Note that an attempt begins."""
    _move(response, "STREAMING")
    response.attempt += 1
    response.start_time = now()
    return [_announce(response)]


def complete(response: ResponseRecord, text: str, finished: Finished) -> Events:
    """Note the whole answer."""
    usage = finished.usage
    response.model = finished.model or response.model
    response.input_tokens, response.output_tokens = usage.input_tokens, usage.output_tokens
    response.cached_input_tokens = usage.cached_input_tokens
    return _end(response, "COMPLETED", text)


def fail(response: ResponseRecord, text: str, failure: FailureRecord) -> Events:
    """Note why there is no whole answer, and what there is of it."""
    response.failure = failure
    return _end(response, "FAILED", text)


def cancelled(response: ResponseRecord, text: str) -> Events:
    """Note that it was stopped: whoever made it makes no more of it."""
    response.cancel_requested = True
    return _end(response, "CANCELLED", text)


def ask_to_cancel(response: ResponseRecord) -> Events | None:
    """Have it stopped; one that nobody has begun is stopped at once."""
    if response.is_final or response.cancel_requested:
        return None
    if response.state == "QUEUED":
        return cancelled(response, "")
    response.cancel_requested = True
    return []


def asked(response: ResponseRecord, question: str) -> Events | None:
    """Note the name of its question."""
    if response.question == question:
        return None
    response.question = question
    return []


def settled(response: ResponseRecord, message: str, ttl: timedelta) -> Events | None:
    """Note that what it came to stands in the session; it is kept for a while longer."""
    if response.settled:
        return None
    response.settled, response.message = True, message
    response.expire_time = response.due_time = (response.end_time or now()) + ttl
    return []


def to_message(record: ResponseRecord, queue_position: int = 0) -> response_pb2.Response:
    """Return a response as the contract's."""
    message = response_pb2.Response(
        name=record.name,
        question=record.question,
        message=record.message,
        agent=record.agent,
        model=record.model,
        user=record.user,
        state=f"RESPONSE_STATE_{record.state}",
        cancel_requested=record.cancel_requested,
        attempt=record.attempt,
        queue_position=queue_position,
        text=record.text,
        create_time=convert.time(record.create_time),
        start_time=convert.time(record.start_time),
        end_time=convert.time(record.end_time),
        expire_time=convert.time(record.expire_time),
        update_time=convert.time(record.update_time),
        etag=record.etag,
    )
    if record.failure:
        message.failure.CopyFrom(convert.failure(record.failure))
    if record.state == "COMPLETED":
        message.usage.input_tokens = record.input_tokens
        message.usage.output_tokens = record.output_tokens
        message.usage.cached_input_tokens = record.cached_input_tokens
        message.usage.SetInParent()
    return message


def _move(response: ResponseRecord, state: str) -> None:
    RESPONSE_STATES.check(response.state, state)
    response.state = state


def _end(response: ResponseRecord, state: str, text: str) -> Events:
    _move(response, state)
    response.text = text
    response.end_time = response.due_time = now()
    return [_announce(response)]


def _announce(response: ResponseRecord) -> event_pb2.Event:
    event = response_events_pb2.ResponseStateChanged(
        state=f"RESPONSE_STATE_{response.state}", attempt=response.attempt
    )
    if response.failure:
        event.failure.CopyFrom(convert.failure(response.failure))
    return new_event(resource=response.name, response_state_changed=event)


def announce_new(response: ResponseRecord) -> Events:
    """Return the event that says that a response was asked for."""
    return [_announce(response)]
