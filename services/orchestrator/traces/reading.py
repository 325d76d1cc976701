"""A trace that MLflow has, read into ours. It may be of anybody, and look like anything."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from services.mesh.errors import REASONS
from services.mesh.store import now
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.traces import document as form
from services.orchestrator.traces.content import (
    MessageRecord,
    ModelRecord,
    RequestedRecord,
    TextRecord,
    ToolRecord,
    UsageRecord,
)
from services.orchestrator.traces.trace import (
    MANAGERS,
    PROJECT,
    TraceCallRecord,
    TraceRecord,
    Whole,
    call_name,
    trace_id,
)

_MODEL_TYPES: Final = ("CHAT_MODEL", "LLM")
_ROLES: Final = {
    "system": "SYSTEM",
    "developer": "SYSTEM",
    "user": "USER",
    "human": "USER",
    "assistant": "ASSISTANT",
    "ai": "ASSISTANT",
    "tool": "TOOL",
}
_STOPS: Final = {
    "stop": "END",
    "end": "END",
    "end_turn": "END",
    "length": "LENGTH",
    "max_tokens": "LENGTH",
    "tool_calls": "TOOL_CALLS",
    "tool_use": "TOOL_CALLS",
    "content_filter": "FILTERED",
    "filtered": "FILTERED",
}
_DISPOSITIONS: Final = ("WORK", "INFRASTRUCTURE", "PERSON")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Json = Mapping[str, Any]


def read(name: str, found: Json, *, ttl_s: float, max_bytes: int) -> Whole:
    """Return a trace of MLflow under its name here, with the calls of models and tools in it."""
    time = now()
    trace = TraceRecord(
        name=name,
        create_time=time,
        update_time=time,
        is_fetched=True,
        audience=MANAGERS,
        expire_time=time + timedelta(seconds=ttl_s),
    )
    spans = [_Span(span) for span in found["data"]["spans"]]
    for span in spans:
        _say_whose(trace, span.json(form.OWN_TRACE))
    calls = [call for span in spans if (call := _call(trace, span, max_bytes))]
    return Whole(trace, sorted(calls, key=lambda call: (call.start_time, call.name)))


def _say_whose(trace: TraceRecord, own: Any) -> None:
    """Take over whose trace it is, where it is one that was sent from here."""
    if not isinstance(own, dict) or own.get("name") != trace.name:
        return
    scope = {field: str(own.get(field, "")) for field in form.SCOPE}
    subject = scope["response"] or scope["message"] or scope["task"] or scope["session"]
    below = f"{trace.project}/"
    names = [scope[field] for field in ("session", "message", "response", "task") if scope[field]]
    if trace.name.endswith(f"/{trace_id(subject)}") and all(n.startswith(below) for n in names):
        for field, value in scope.items():
            setattr(trace, field, value)
        in_session = scope["session"] or scope["message"] or scope["response"]
        trace.audience = scope["principal"] or MANAGERS if in_session else PROJECT


class _Span:
    """A span, whose attributes may be missing or of any type."""

    def __init__(self, span: Json) -> None:
        self.span = span
        self._attributes = span.get("attributes") or {}

    def json(self, key: str) -> Any:
        """Return what an attribute holds; None where there is none."""
        value = self._attributes.get(key)
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return value

    def dict(self, key: str) -> dict[str, Any]:
        """Return an attribute that holds an object; an empty one where it does not."""
        value = self.json(key)
        return value if isinstance(value, dict) else {}

    @property
    def id(self) -> str:
        """Its id, as hexadecimal digits."""
        return base64.b64decode(self.span["span_id"]).hex()

    @property
    def failure(self) -> FailureRecord | None:
        """Why it failed, as far as MLflow says."""
        status = self.span.get("status") or {}
        if status.get("code") != "STATUS_CODE_ERROR":
            return None
        is_tool = self.json(form.SPAN_TYPE) == "TOOL"
        return FailureRecord(
            reason="TOOL_FAILED" if is_tool else "MODEL_UNAVAILABLE",
            message=TextRecord.of(str(status.get("message") or "It failed.")).text,
        )


def _call(trace: TraceRecord, span: _Span, max_bytes: int) -> TraceCallRecord | None:
    kind, own = span.json(form.SPAN_TYPE), span.dict(form.OWN_CALL)
    if kind not in (*_MODEL_TYPES, "TOOL"):
        return None
    of_model = _of_model(span, own) if kind in _MODEL_TYPES else None
    of_tool = _of_tool(span, own) if kind == "TOOL" else None
    content = of_model or of_tool
    sizes, texts = own.get("sizes"), list(content.texts()) if content else []
    if isinstance(sizes, list) and len(sizes) == len(texts):
        for text, size in zip(texts, sizes, strict=True):
            text.size_bytes = max(text.size_bytes, int(size))
    first = own.get("first_token_ns")
    return TraceCallRecord(
        name=call_name(trace.name, str(own.get("id") or span.id)),
        create_time=trace.create_time,
        update_time=trace.create_time,
        provider=of_model.provider if of_model else "",
        model=of_model.model if of_model else "",
        tool=of_tool.tool if of_tool else "",
        of_model=of_model and of_model.bounded(max_bytes),
        of_tool=of_tool and of_tool.bounded(max_bytes),
        is_fetched=True,
        failure=_known(_own(FailureRecord, own.get("failure"))) or span.failure,
        is_cancelled=bool(own.get("cancelled")),
        start_time=_time(span.span["start_time_unix_nano"]),
        first_token_time=_time(first) if first else None,
        end_time=_time(span.span.get("end_time_unix_nano") or span.span["start_time_unix_nano"]),
    )


def _of_model(span: _Span, own: Json) -> ModelRecord:
    inputs, outputs = span.json(form.INPUTS), span.json(form.OUTPUTS)
    answer, stop = _answer(outputs)
    usage = span.dict(form.USAGE)
    return ModelRecord(
        provider=str(span.json(form.PROVIDER) or ""),
        model=str(span.json(form.MODEL) or span.span.get("name") or ""),
        selection_reason=str(own.get("selection_reason") or ""),
        messages=_messages(inputs),
        omitted_messages=int(own.get("omitted_messages") or 0),
        tool_names=[str(name) for name in own.get("tool_names") or []],
        answer=_text(answer.get("content")),
        requested=_requested(answer),
        stop_reason=_STOPS.get(str(stop).lower(), "UNSPECIFIED"),
        usage=UsageRecord(
            input_tokens=int(usage.get("input_tokens") or 0),
            cached_input_tokens=int(usage.get("cache_read_input_tokens") or 0),
            output_tokens=int(usage.get("output_tokens") or 0),
        ),
        usage_estimated=bool(own.get("usage_estimated")),
        cost=_amount(own.get("cost")),
        answering_model=str(own.get("answering_model") or ""),
    )


def _of_tool(span: _Span, own: Json) -> ToolRecord:
    inputs = span.json(form.INPUTS)
    return ToolRecord(
        tool=str(span.span.get("name") or ""),
        requested_call_id=str(own.get("requested_call_id") or ""),
        arguments=TextRecord.of(inputs) if isinstance(inputs, str) else TextRecord.of_json(inputs),
        result=_text(span.json(form.OUTPUTS)),
    )


def _messages(inputs: Any) -> list[MessageRecord]:
    given = inputs.get("messages") if isinstance(inputs, dict) else None
    if not isinstance(given, list):
        return [MessageRecord(role="USER", text=_text(inputs))]
    return [
        MessageRecord(
            role=_ROLES.get(str(each.get("role") or each.get("type")), "USER"),
            text=_text(each.get("content")),
            requested=_requested(each),
            requested_call_id=str(each.get("tool_call_id") or ""),
        )
        for each in given
        if isinstance(each, dict)
    ]


def _answer(outputs: Any) -> tuple[Json, Any]:
    """Return the message that a model answered with, and why it ended."""
    if isinstance(outputs, dict):
        choices = outputs.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            message = choices[0].get("message")
            return message if isinstance(message, dict) else {}, choices[0].get("finish_reason")
        if "content" in outputs:
            return outputs, outputs.get("stop_reason")
    return {"content": outputs}, None


def _requested(message: Json) -> list[RequestedRecord]:
    calls = message.get("tool_calls")
    found = []
    for each in calls if isinstance(calls, list) else []:
        function = each.get("function") if isinstance(each, dict) else None
        if isinstance(function, dict):
            arguments = function.get("arguments")
            text = arguments if isinstance(arguments, str) else json.dumps(arguments, default=str)
            found.append(
                RequestedRecord(
                    id=str(each.get("id") or ""),
                    tool=str(function.get("name") or ""),
                    arguments=TextRecord.of(text),
                )
            )
    return found


def _text(value: Any) -> TextRecord:
    if value is None:
        return TextRecord()
    return TextRecord.of(value) if isinstance(value, str) else TextRecord.of_json(value)


def _own(kind: Any, value: Any) -> Any:
    """Return a record that was sent from here; None where it is none."""
    try:
        return kind.model_validate(value) if value else None
    except ValidationError:
        return None


def _amount(value: Any) -> int | None:
    """Return an amount in picodollars, as it was sent from here; None where it is none."""
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _known(failure: FailureRecord | None) -> FailureRecord | None:
    """Return a failure that the contract has words for."""
    known = failure and failure.reason in REASONS and failure.disposition in _DISPOSITIONS
    return failure if known else None


def _time(nanoseconds: Any) -> datetime:
    return _EPOCH + timedelta(microseconds=int(nanoseconds) // 1000)
