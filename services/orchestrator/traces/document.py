"""A trace in MLflow's form: what `mlflow.entities.Trace.from_dict` reads, made without MLflow.

One span for the trace itself, and below it one for each call. Ids follow from names, so the
same trace is the same trace in MLflow however often it is sent.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.mesh.names import collection_and_id
from services.orchestrator.traces import convert
from services.orchestrator.traces.content import MessageRecord, ModelRecord, RequestedRecord
from services.orchestrator.traces.trace import TraceCallRecord, TraceRecord, Whole

OWN_TRACE: Final = "adjutant.trace"
"""Attribute of the trace's span: what MLflow has no place for."""
OWN_CALL: Final = "adjutant.call"
"""Attribute of a call's span, likewise."""
SCOPE: Final = ("session", "message", "response", "task", "agent", "principal")
REQUEST_ID: Final = "mlflow.traceRequestId"
SPAN_TYPE: Final = "mlflow.spanType"
INPUTS: Final = "mlflow.spanInputs"
OUTPUTS: Final = "mlflow.spanOutputs"
USAGE: Final = "mlflow.chat.tokenUsage"
MODEL: Final = "mlflow.llm.model"
PROVIDER: Final = "mlflow.llm.provider"
_FINISH: Final = {
    "END": "stop",
    "TOOL_CALLS": "tool_calls",
    "LENGTH": "length",
    "FILTERED": "content_filter",
}
_OWN_OF_MODEL: Final = {
    "selection_reason",
    "omitted_messages",
    "tool_names",
    "usage_estimated",
    "cost",
    "answering_model",
}
_PREVIEW_CHARS: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Json = dict[str, Any]


def document(whole: Whole, experiment_id: str = "0") -> Json:
    """Return a trace in MLflow's form, in an experiment."""
    return {
        "info": _info(whole, experiment_id),
        "data": {"spans": [_root(whole), *(_span(whole.trace, call) for call in whole.calls)]},
    }


def _info(whole: Whole, experiment_id: str) -> Json:
    trace, (start, end) = whole.trace, _times(whole)
    metadata = {
        "mlflow.trace_schema.version": "3",
        "mlflow.trace.session": trace.session,
        "mlflow.trace.user": trace.principal,
        "mlflow.trace.tokenUsage": _dump(_usage_of(whole)),
    }
    tags = {"mlflow.traceName": _title(trace), "adjutant.trace": trace.name}
    tags |= {f"adjutant.{field}": getattr(trace, field) for field in SCOPE}
    return {
        "trace_id": trace.mlflow_id,
        "client_request_id": trace.subject or trace.name,
        "trace_location": {
            "type": "MLFLOW_EXPERIMENT",
            "mlflow_experiment": {"experiment_id": experiment_id},
        },
        "request_time": start.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "execution_duration_ms": (end - start) // timedelta(milliseconds=1),
        "state": "ERROR" if _is_failed(whole) else "OK",
        "request_preview": _asked(whole)[:_PREVIEW_CHARS],
        "response_preview": _answered(whole)[:_PREVIEW_CHARS],
        "trace_metadata": {key: value for key, value in metadata.items() if value},
        "tags": {key: value for key, value in tags.items() if value},
    }


def _root(whole: Whole) -> Json:
    trace, (start, end) = whole.trace, _times(whole)
    own = {"name": trace.name, **{field: getattr(trace, field) for field in SCOPE}}
    attributes = {SPAN_TYPE: "AGENT", INPUTS: _asked(whole), OUTPUTS: _answered(whole)}
    return _span_of(
        trace,
        span_id=_id(trace.name),
        parent=None,
        title=_title(trace),
        times=(start, end),
        failure="a call failed" if _is_failed(whole) else "",
        attributes={**attributes, OWN_TRACE: own},
    )


def _span(trace: TraceRecord, call: TraceCallRecord) -> Json:
    return _span_of(
        trace,
        span_id=_id(call.name),
        parent=_id(trace.name),
        title=call.tool or f"{call.provider}/{call.model}",
        times=(call.start_time, call.end_time),
        failure=call.failure.message if call.failure else "",
        attributes={**_attributes(call), OWN_CALL: _own(call)},
    )


def _attributes(call: TraceCallRecord) -> Json:
    if call.of_tool:
        return {
            SPAN_TYPE: "TOOL",
            INPUTS: _loaded(call.of_tool.arguments.text),
            OUTPUTS: call.of_tool.result.text,
        }
    model = call.of_model or ModelRecord(provider=call.provider, model=call.model)
    return {
        SPAN_TYPE: "CHAT_MODEL",
        "mlflow.message.format": "openai",
        INPUTS: {
            "model": model.model,
            "messages": [_message(message) for message in model.messages],
        },
        OUTPUTS: {
            "choices": [
                {"message": _answer(model), "finish_reason": _FINISH.get(model.stop_reason)}
            ]
        },
        USAGE: _usage(model),
        MODEL: model.model,
        PROVIDER: model.provider,
    }


def _own(call: TraceCallRecord) -> Json:
    """Return what a call has beside what MLflow's own attributes say."""
    content = call.of_model or call.of_tool
    own: Json = {"id": collection_and_id(call.name)[1], "cancelled": call.is_cancelled}
    own["sizes"] = [text.size_bytes for text in content.texts()] if content else []
    if call.failure:
        own["failure"] = call.failure.model_dump(mode="json")
    if call.first_token_time:
        own["first_token_ns"] = _ns(call.first_token_time)
    if call.of_tool:
        own["requested_call_id"] = call.of_tool.requested_call_id
    if model := call.of_model:
        own |= model.model_dump(mode="json", include=_OWN_OF_MODEL)
    return own


def _message(message: MessageRecord) -> Json:
    found: Json = {"role": message.role.lower(), "content": message.text.text}
    if message.requested:
        found["tool_calls"] = [_requested(each) for each in message.requested]
    if message.requested_call_id:
        found["tool_call_id"] = message.requested_call_id
    return found


def _answer(model: ModelRecord) -> Json:
    found: Json = {"role": "assistant", "content": model.answer.text}
    if model.requested:
        found["tool_calls"] = [_requested(each) for each in model.requested]
    return found


def _requested(call: RequestedRecord) -> Json:
    function = {"name": call.tool, "arguments": call.arguments.text}
    return {"id": call.id, "type": "function", "function": function}


def _usage(model: ModelRecord) -> Json:
    usage = model.usage
    found = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    if usage.cached_input_tokens:
        found["cache_read_input_tokens"] = usage.cached_input_tokens
    return found


def _usage_of(whole: Whole) -> Json:
    usage = convert.total(call.of_model for call in whole.calls if call.of_model)
    return _usage(ModelRecord(provider="", model="", usage=usage))


def _span_of(
    trace: TraceRecord,
    *,
    span_id: str,
    parent: str | None,
    title: str,
    times: tuple[datetime, datetime],
    failure: str,
    attributes: Mapping[str, Any],
) -> Json:
    otel_id = bytes.fromhex(collection_and_id(trace.name)[1])
    return {
        "trace_id": base64.b64encode(otel_id).decode(),
        "span_id": span_id,
        "parent_span_id": parent,
        "name": title,
        "start_time_unix_nano": _ns(times[0]),
        "end_time_unix_nano": _ns(times[1]),
        "events": [],
        "status": {
            "code": f"STATUS_CODE_{'ERROR' if failure else 'OK'}",
            "message": failure,
        },
        "attributes": {
            key: _dump(value) for key, value in {REQUEST_ID: trace.mlflow_id, **attributes}.items()
        },
    }


def _times(whole: Whole) -> tuple[datetime, datetime]:
    start = min((call.start_time for call in whole.calls), default=whole.trace.create_time)
    return start, max((call.end_time for call in whole.calls), default=start)


def _is_failed(whole: Whole) -> bool:
    """Tell whether the trace ended with a failure; a call that was tried again is none."""
    return bool(whole.calls) and whole.calls[-1].failure is not None


def _asked(whole: Whole) -> str:
    """Return what a person asked, as far as the calls show."""
    for call in whole.calls:
        for message in reversed(call.of_model.messages if call.of_model else []):
            if message.role == "USER":
                return message.text.text
    return ""


def _answered(whole: Whole) -> str:
    answers = [call.of_model.answer.text for call in whole.calls if call.of_model]
    return answers[-1] if answers else ""


def _title(trace: TraceRecord) -> str:
    collection, _ = collection_and_id(trace.subject or trace.name)
    return collection.removesuffix("s")


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:  # it was cut
        return text


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _id(name: str) -> str:
    """Return the id of a span, as MLflow writes it."""
    return base64.b64encode(hashlib.sha256(name.encode()).digest()[:8]).decode()


def _ns(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1) * 1000
