"""Traces as the contract's."""

from collections.abc import Iterable, Sequence

from adjutant.common.v1 import money_pb2
from adjutant.orchestrator.v1 import trace_pb2 as pb
from services.orchestrator import convert
from services.orchestrator.traces.content import (
    MessageRecord,
    ModelRecord,
    RequestedRecord,
    TextRecord,
    ToolRecord,
    UsageRecord,
)
from services.orchestrator.traces.trace import TraceCallRecord, TraceRecord
from services.orchestrator.usage.amount import to_money


def trace(record: TraceRecord, calls: Sequence[TraceCallRecord]) -> pb.Trace:
    """Return a trace, with what its calls come to."""
    models = [call.of_model for call in calls if call.of_model]
    message = pb.Trace(
        name=record.name,
        session=record.session,
        message=record.message,
        response=record.response,
        task=record.task,
        agent=record.agent,
        principal=record.principal,
        model_call_count=len(models),
        tool_call_count=len(calls) - len(models),
        failed_call_count=sum(call.failure is not None for call in calls),
        usage=_usage(total(models)),
        cost=_cost([model.cost for model in models if model.cost is not None]),
        source=_source(record.is_fetched),
        start_time=convert.time(min((call.start_time for call in calls), default=None)),
        end_time=convert.time(max((call.end_time for call in calls), default=None)),
        expire_time=convert.time(record.expire_time),
        mlflow_trace_id=record.mlflow_id,
        export_time=convert.time(record.export_time),
        create_time=convert.time(record.create_time),
        update_time=convert.time(record.update_time),
    )
    if record.export_failure:
        message.export_failure.CopyFrom(convert.failure(record.export_failure))
    return message


def call(record: TraceCallRecord) -> pb.TraceCall:
    """Return a call."""
    message = pb.TraceCall(
        name=record.name,
        source=_source(record.is_fetched),
        cancelled=record.is_cancelled,
        start_time=convert.time(record.start_time),
        first_token_time=convert.time(record.first_token_time),
        end_time=convert.time(record.end_time),
    )
    if record.of_model:
        message.model_call.CopyFrom(_of_model(record.of_model))
    if record.of_tool:
        message.tool_call.CopyFrom(_of_tool(record.of_tool))
    if record.failure:
        message.failure.CopyFrom(convert.failure(record.failure))
    return message


def total(models: Iterable[ModelRecord]) -> UsageRecord:
    """Return what calls of models took together."""
    usage = UsageRecord()
    for each in models:
        usage.input_tokens += each.usage.input_tokens
        usage.cached_input_tokens += each.usage.cached_input_tokens
        usage.output_tokens += each.usage.output_tokens
    return usage


def _of_model(record: ModelRecord) -> pb.TracedModelCall:
    return pb.TracedModelCall(
        provider=record.provider,
        model=record.model,
        selection_reason=record.selection_reason,
        messages=[_message(each) for each in record.messages],
        omitted_message_count=record.omitted_messages,
        tool_names=record.tool_names,
        answer=_text(record.answer),
        requested_calls=[_requested(each) for each in record.requested],
        stop_reason=f"TRACE_STOP_REASON_{record.stop_reason}",
        usage=_usage(record.usage),
        usage_estimated=record.usage_estimated,
        cost=None if record.cost is None else to_money(record.cost),
        answering_model=record.answering_model,
    )


def _of_tool(record: ToolRecord) -> pb.TracedToolCall:
    return pb.TracedToolCall(
        tool=record.tool,
        requested_call_id=record.requested_call_id,
        arguments=_text(record.arguments),
        result=_text(record.result),
    )


def _message(record: MessageRecord) -> pb.TracedMessage:
    return pb.TracedMessage(
        role=f"TRACE_ROLE_{record.role}",
        text=_text(record.text),
        requested_calls=[_requested(each) for each in record.requested],
        requested_call_id=record.requested_call_id,
    )


def _requested(record: RequestedRecord) -> pb.RequestedCall:
    return pb.RequestedCall(id=record.id, tool=record.tool, arguments=_text(record.arguments))


def _text(record: TextRecord) -> pb.TracedText:
    return pb.TracedText(
        text=record.text, size_bytes=record.size_bytes, truncated=record.is_truncated
    )


def _usage(record: UsageRecord) -> pb.TraceUsage:
    return pb.TraceUsage(
        input_tokens=record.input_tokens,
        cached_input_tokens=record.cached_input_tokens,
        output_tokens=record.output_tokens,
    )


def _cost(amounts: Sequence[int]) -> money_pb2.Money | None:
    return to_money(sum(amounts)) if amounts else None


def _source(is_fetched: bool) -> str:
    return f"TRACE_SOURCE_{'MLFLOW' if is_fetched else 'RECORDED'}"
