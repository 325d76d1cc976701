"""A stored call of a model: what it may cost, and then what it did.

Functions here change the record in place and return the events that announce the change;
None means that nothing changed.
"""

from datetime import datetime, timedelta
from typing import Final

from adjutant.event.v1 import event_pb2, usage_events_pb2
from services.mesh.access.scope import client_of
from services.mesh.events import new_event
from services.mesh.names import child
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator.models.port import CallScope, Usage
from services.orchestrator.usage.amount import Picos, to_money
from services.orchestrator.usage.period import day_text

CALL_STATES: Final = StateMachine(
    noun="model call",
    initial="RESERVED",
    transitions={
        "RESERVED": ("SETTLED", "RELEASED", "LAPSED"),
        "LAPSED": ("SETTLED", "RELEASED"),
        "SETTLED": (),
        "RELEASED": (),
    },
    final=frozenset({"SETTLED", "RELEASED"}),
)
"""LAPSED counts as what was reserved, until somebody says what it took after all."""
COUNTED: Final = ("SETTLED", "LAPSED")
"""States in which a call is part of the sums."""


class CallRecord(Record):
    """A stored call; it stands in its project."""

    call_id: str
    state: str = CALL_STATES.initial
    day: str
    """Day that it counts for: of its reservation."""
    client_day: str
    """Client's id and day, by which a client's calls are found."""
    provider: str
    model: str
    principal: str
    agent: str
    task: str
    session: str
    response: str
    message: str
    input_tokens: int
    """While it is RESERVED or LAPSED, this and what follows are what was estimated."""
    cached_input_tokens: int
    output_tokens: int
    cost: Picos
    unpriced: bool
    """Whether what it costs is not known."""
    due_time: UtcTime
    """When something is to be done: it lapses, or is forgotten."""

    @property
    def usage(self) -> Usage:
        """Its tokens."""
        return Usage(self.input_tokens, self.output_tokens, self.cached_input_tokens)


CALLS: Final = Collection(
    "modelCalls", CallRecord, hidden=("due_time", "day", "client_day", "call_id")
)
Events = list[event_pb2.Event]


def day_key(client: str, day: str) -> str:
    """Return by what a client's calls of a day are found."""
    return f"{client} {day}"


def new_call(
    scope: CallScope, call_id: str, provider: str, model: str, lease: timedelta
) -> CallRecord:
    """Return a call that is to be reserved now."""
    time = now()
    day = day_text(time)
    return CallRecord(
        name=child(scope.project, CALLS.name, call_id),
        create_time=time,
        update_time=time,
        call_id=call_id,
        day=day,
        client_day=day_key(client_of(scope.project), day),
        provider=provider,
        model=model,
        principal=scope.principal,
        agent=scope.agent,
        task=scope.task,
        session=scope.session,
        response=scope.response,
        message=scope.message,
        input_tokens=0,
        cached_input_tokens=0,
        output_tokens=0,
        cost=0,
        unpriced=False,
        due_time=time + lease,
    )


def take(call: CallRecord, usage: Usage, cost: int | None) -> None:
    """Note what a call takes, or may take; a cost of None is not known."""
    call.input_tokens = usage.input_tokens
    call.cached_input_tokens = usage.cached_input_tokens
    call.output_tokens = usage.output_tokens
    call.cost = cost or 0
    call.unpriced = cost is None


def settle(call: CallRecord, usage: Usage, cost: int | None, keep_until: datetime) -> Events | None:
    """Note what it took. ILLEGAL_TRANSITION where it was released."""
    if call.state == "SETTLED":
        return None
    _to(call, "SETTLED", keep_until)
    take(call, usage, cost)
    return [_recorded(call)]


def release(call: CallRecord, keep_until: datetime) -> Events | None:
    """Note that it took nothing. ILLEGAL_TRANSITION where it was settled."""
    if call.state == "RELEASED":
        return None
    _to(call, "RELEASED", keep_until)
    take(call, Usage(), 0)
    return []


def lapse(call: CallRecord, keep_until: datetime) -> Events | None:
    """Note that nobody said in time what it took: it counts as what was reserved."""
    if call.state != "RESERVED":
        return None
    _to(call, "LAPSED", keep_until)
    return [_recorded(call)]


def _to(call: CallRecord, state: str, keep_until: datetime) -> None:
    CALL_STATES.check(call.state, state)
    call.state, call.due_time = state, keep_until


def _recorded(call: CallRecord) -> event_pb2.Event:
    recorded = usage_events_pb2.UsageRecorded(
        task=call.task,
        agent=call.agent,
        provider=call.provider,
        model=call.model,
        input_tokens=call.input_tokens,
        cached_input_tokens=call.cached_input_tokens,
        output_tokens=call.output_tokens,
        cost=to_money(call.cost),
        estimated=call.state == "LAPSED",
        unpriced=call.unpriced,
    )
    return new_event(resource=call.name, usage_recorded=recorded)
