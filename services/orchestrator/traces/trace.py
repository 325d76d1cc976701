"""Stored traces and their calls."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from services.mesh.names import child, collection_and_id, parent_of
from services.mesh.store import Collection, Guard, Look, Record, Store, UtcTime
from services.orchestrator.chat.session import session_stands
from services.orchestrator.models.port import CallScope
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tenancy.kinds import stands
from services.orchestrator.traces.content import ModelRecord, ToolRecord

PROJECT: Final = "project"
"""The audience of what everybody in the project may see."""
MANAGERS: Final = "managers"
"""The audience of what only those who may manage the project see."""
MLFLOW_PREFIX: Final = "tr-"
_ID: Final = re.compile(r"[a-z0-9-]{1,63}")


class TraceRecord(Record):
    """A stored trace. Fields that the contract has too mean what it says."""

    session: str = ""
    message: str = ""
    response: str = ""
    task: str = ""
    agent: str = ""
    principal: str = ""
    audience: str = PROJECT
    """The principal whose alone it is, or PROJECT, or MANAGERS."""
    is_fetched: bool = False
    """Whether it came from MLflow."""
    calls: int = 0
    """Counts what was recorded, so that whoever exports sees whether more has come."""
    expire_time: UtcTime
    export_due_time: UtcTime | None = None
    """When it is to be exported; None where it is, or where nothing is exported."""
    export_attempts: int = 0
    """How often that failed in a row."""
    export_time: UtcTime | None = None
    export_failure: FailureRecord | None = None

    @property
    def subject(self) -> str:
        """What it is the trace of."""
        return self.response or self.message or self.task or self.session

    @property
    def mlflow_id(self) -> str:
        """Its id in MLflow."""
        return MLFLOW_PREFIX + collection_and_id(self.name)[1]

    @property
    def project(self) -> str:
        """The project that it is in."""
        return parent_of(self.name)


class TraceCallRecord(Record):
    """A stored call, with excerpts of its texts; the texts themselves are in its body."""

    provider: str = ""
    model: str = ""
    tool: str = ""
    of_model: ModelRecord | None = None
    of_tool: ToolRecord | None = None
    is_fetched: bool = False
    failure: FailureRecord | None = None
    is_cancelled: bool = False
    start_time: UtcTime
    first_token_time: UtcTime | None = None
    end_time: UtcTime


class TraceBodyRecord(Record):
    """The texts of a call, apart from it so that lists need not read them."""

    of_model: ModelRecord | None = None
    of_tool: ToolRecord | None = None


TRACES: Final = Collection(
    "traces",
    TraceRecord,
    fields=("session", "message", "response", "task", "agent", "principal"),
    hidden=("audience", "expire_time", "export_due_time"),
)
TRACE_CALLS: Final = Collection(
    "traceCalls",
    TraceCallRecord,
    fields=("provider", "model", "tool", "start_time", "end_time"),
)
TRACE_BODIES: Final = Collection("traceBodies", TraceBodyRecord)


@dataclass(frozen=True)
class Whole:
    """A trace with everything in it."""

    trace: TraceRecord
    calls: list[TraceCallRecord]
    """With their whole texts, the first one first."""


def stand(project: str, session: str) -> Guard:
    """Return the guard of what is kept of a trace: neither its project nor its session is removed.

    An empty session is none.
    """
    guards = [stands(project), *([session_stands(session)] if session else [])]

    def guard(look: Look) -> None:
        for each in guards:
            each(look)

    return guard


def trace_id(subject: str) -> str:
    """Return the id of the trace of something: 32 hexadecimal digits, as OpenTelemetry has them."""
    return hashlib.sha256(subject.encode()).hexdigest()[:32]


def trace_name(scope: CallScope) -> str:
    """Return the name of the trace that a call belongs to; the same scope has the same trace."""
    subject = scope.response or scope.message or scope.task or scope.session
    return child(scope.project, "traces", trace_id(subject or f"{scope.project} {scope.agent}"))


def call_name(trace: str, call_id: str) -> str:
    """Return the name of a call; the same id has the same name."""
    fits = _ID.fullmatch(call_id)
    return child(trace, "calls", call_id if fits else trace_id(call_id))


def body_name(call: str) -> str:
    """Return the name of a call's body."""
    return child(parent_of(call), "bodies", collection_and_id(call)[1])


def excerpt(call: TraceCallRecord) -> TraceCallRecord:
    """Return a call as lists show it."""
    return call.model_copy(
        update={
            "of_model": call.of_model and call.of_model.excerpt(),
            "of_tool": call.of_tool and call.of_tool.excerpt(),
        }
    )


def body(call: TraceCallRecord) -> TraceBodyRecord:
    """Return the body of a call that has its whole texts."""
    return TraceBodyRecord(
        name=body_name(call.name),
        create_time=call.create_time,
        update_time=call.update_time,
        of_model=call.of_model,
        of_tool=call.of_tool,
    )


async def with_body(store: Store, call: TraceCallRecord) -> TraceCallRecord:
    """Return a call with its whole texts; with excerpts where its body is gone already."""
    found = await store.find(TRACE_BODIES, body_name(call.name))
    if found is None:
        return call
    return call.model_copy(update={"of_model": found.of_model, "of_tool": found.of_tool})


async def whole(store: Store, trace: TraceRecord) -> Whole:
    """Return a trace with all its calls and their texts."""
    calls = [await with_body(store, call) for call in await calls_of(store, [trace.name])]
    return Whole(trace, calls)


async def calls_of(store: Store, traces: Iterable[str]) -> list[TraceCallRecord]:
    """Return the calls of traces, with excerpts, the first one first."""
    names = list(traces)
    if not names:
        return []
    found = [call async for call in store.scan(TRACE_CALLS, {"parent": names})]
    return sorted(found, key=lambda call: (call.start_time, call.name))
