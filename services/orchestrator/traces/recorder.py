"""Keeps each call of a model or a tool as it ends."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.store import Collection, Guard, Store, now
from services.mesh.store.port import R
from services.orchestrator.models.port import (
    CallScope,
    ModelMessage,
    RecordedModelCall,
    RecordedToolCall,
    ToolCall,
    Usage,
)
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.traces.content import (
    MessageRecord,
    ModelRecord,
    RequestedRecord,
    TextRecord,
    ToolRecord,
    UsageRecord,
)
from services.orchestrator.traces.trace import (
    PROJECT,
    TRACE_BODIES,
    TRACE_CALLS,
    TRACES,
    TraceCallRecord,
    TraceRecord,
    body,
    call_name,
    excerpt,
    stand,
    trace_name,
)

log = logging.getLogger(__name__)
GATHER: Final = timedelta(seconds=2)
"""How long calls are gathered before their trace is exported."""
Events = list[event_pb2.Event]


class Prices(Protocol):
    """Knows what calls cost; `usage.prices` is what does."""

    async def cost(self, provider: str, model: str, usage: Usage, time: datetime) -> int | None:
        """Return what a call at a time costs, in picodollars; None where nobody knows."""


class TraceRecorder:
    """A Recorder: keeps calls in the store. Repeating a call changes nothing.

    What cannot be kept is logged and left out: an answer is not held up by its trace.
    """

    def __init__(
        self,
        store: Store,
        settings: OrchestratorSettings,
        prices: Prices,
        *,
        on_export_due: Callable[[], None] | None = None,
    ) -> None:
        """Take what is told when a trace is to be exported; None where none is."""
        self._store = store
        self._ttl = timedelta(seconds=settings.trace_ttl_s)
        self._max_bytes = settings.trace_call_max_bytes
        self._prices = prices
        self._on_export_due = on_export_due

    async def model_call(self, scope: CallScope, call: RecordedModelCall) -> None:
        """Keep a call of a model."""
        cost = await self._prices.cost(call.provider, call.model, call.usage, call.start_time)
        time = now()
        failure = call.failure and FailureRecord(
            reason=call.failure.reason,
            message=TextRecord.of(call.failure.message).text,
            disposition="INFRASTRUCTURE" if call.failure.transient else "WORK",
        )
        record = TraceCallRecord(
            name=call_name(trace_name(scope), call.call_id),
            create_time=time,
            update_time=time,
            provider=call.provider,
            model=call.model,
            of_model=_of_model(call, cost).bounded(self._max_bytes),
            failure=failure,
            is_cancelled=call.is_cancelled,
            start_time=call.start_time,
            first_token_time=call.first_token_time,
            end_time=call.end_time,
        )
        await self._keep(scope, record)

    async def tool_call(self, scope: CallScope, call: RecordedToolCall) -> None:
        """Keep a call of a tool."""
        tool, time = call.call, now()
        failure = FailureRecord(reason="TOOL_FAILED", message=TextRecord.of(call.failure).text)
        record = TraceCallRecord(
            name=call_name(trace_name(scope), call.call_id),
            create_time=time,
            update_time=time,
            tool=tool.name,
            of_tool=ToolRecord(
                tool=tool.name,
                requested_call_id=tool.id,
                arguments=TextRecord.of_json(tool.arguments),
                result=TextRecord.of(call.result),
            ).bounded(self._max_bytes),
            failure=failure if call.failure else None,
            start_time=call.start_time,
            end_time=call.end_time,
        )
        await self._keep(scope, record)

    async def _keep(self, scope: CallScope, call: TraceCallRecord) -> None:
        trace, guard = trace_name(scope), stand(scope.project, scope.session)
        try:
            # First the trace, so that nothing is kept that never expires. It is noted again
            # in the end, for an export may have looked in between.
            await self._open(scope, trace)
            await self._insert(TRACE_BODIES, body(call), guard)
            await self._insert(TRACE_CALLS, excerpt(call), guard)
            await self._store.update(TRACES, trace, lambda record: self._note(record, scope))
        except AdjutantError as error:
            log.warning("%s is missing in its trace: %s", call.name, error)
            return
        if self._on_export_due:
            self._on_export_due()

    async def _open(self, scope: CallScope, name: str) -> None:
        """Make the trace of a call where it is not there, and have it exported."""
        found = await self._store.find(TRACES, name)
        if found is None:
            made = _new_trace(scope, name)
            self._note(made, scope)
            await self._insert(TRACES, made, stand(scope.project, scope.session))
        elif self._on_export_due and found.export_due_time is None:
            await self._store.update(TRACES, name, lambda record: self._note(record, scope))

    async def _insert(self, collection: Collection[R], record: R, guard: Guard) -> None:
        try:
            await self._store.insert(collection, record, guard=guard)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":
                raise

    def _note(self, trace: TraceRecord, scope: CallScope) -> Events:
        """Note that there is one more call."""
        if trace.is_fetched:  # what is recorded here says whose it is
            trace.is_fetched, trace.audience = False, _audience(scope)
        trace.calls += 1
        trace.expire_time = now() + self._ttl
        if self._on_export_due and trace.export_due_time is None:
            trace.export_due_time = now() + GATHER
        return []


def _new_trace(scope: CallScope, name: str) -> TraceRecord:
    time = now()
    return TraceRecord(
        name=name,
        create_time=time,
        update_time=time,
        session=scope.session,
        message=scope.message,
        response=scope.response,
        task=scope.task,
        agent=scope.agent,
        principal=scope.principal,
        audience=_audience(scope),
        expire_time=time,
    )


def _audience(scope: CallScope) -> str:
    """Return who may see a trace: a session is its user's alone, all else the project's."""
    in_session = scope.session or scope.message or scope.response
    return scope.principal if in_session else PROJECT


def _of_model(call: RecordedModelCall, cost: int | None) -> ModelRecord:
    usage = call.usage
    return ModelRecord(
        provider=call.provider,
        model=call.model,
        selection_reason=call.selection_reason,
        messages=[_message(message) for message in call.request.messages],
        tool_names=[tool.name for tool in call.request.tools],
        answer=TextRecord.of(call.text),
        requested=[_requested(each) for each in call.tool_calls],
        stop_reason=call.stop_reason.name if call.stop_reason else "UNSPECIFIED",
        usage=UsageRecord(
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            output_tokens=usage.output_tokens,
        ),
        usage_estimated=call.is_usage_estimated,
        cost=cost,
        answering_model=call.answering_model,
    )


def _message(message: ModelMessage) -> MessageRecord:
    return MessageRecord(
        role=message.role.name,
        text=TextRecord.of(message.text),
        requested=[_requested(each) for each in message.tool_calls],
        requested_call_id=message.tool_call_id,
    )


def _requested(call: ToolCall) -> RequestedRecord:
    return RequestedRecord(id=call.id, tool=call.name, arguments=TextRecord.of_json(call.arguments))
