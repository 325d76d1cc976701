"""How traces look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.cli.amounts import money
from services.cli.render import age, failure_line, plain, table
from services.client import last_part

if TYPE_CHECKING:
    import datetime
    from collections.abc import Sequence

    from rich.table import Table

    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_WIDTH: Final = 12
_OUTCOME_CHARS: Final = 60


def traces_table(traces: Sequence[v1.Trace]) -> Table:
    """Return a list of traces."""
    found = table("trace", "of", "agent", "calls", "failed", "tokens", "cost", "begun")
    for one in traces:
        found.add_row(
            last_part(one.name),
            _of(one),
            plain(one.agent),
            str(one.model_call_count + one.tool_call_count),
            str(one.failed_call_count or ""),
            _tokens(one.usage),
            money([one.cost]) if one.cost else "",
            age(one.start_time) if one.start_time else "",
        )
    return found


def show_trace(session: Session, trace: v1.Trace) -> None:
    """Print what a trace is of, and what it came to."""
    session.say(trace.name)
    exported = age(trace.export_time) if trace.export_time else ""
    lines = [
        ("of", trace.response or trace.message or trace.task or trace.session),
        ("agent", trace.agent),
        ("for", trace.principal),
        ("took", _took(trace.start_time, trace.end_time)),
        ("tokens", _tokens(trace.usage)),
        ("cost", money([trace.cost]) if trace.cost else ""),
        ("source", (trace.source.name or "").lower()),
        ("in MLflow", f"{trace.mlflow_trace_id}  {exported}" if exported else ""),
        ("failure", failure_line(trace.export_failure)),
    ]
    for label, text in lines:
        if text:
            session.say(f"  {label:<{_WIDTH}}{plain(text)}")


def calls_table(calls: Sequence[v1.TraceCall]) -> Table:
    """Return the calls of a trace."""
    found = table("call", "what", "took", "first token", "tokens", "cost", "came to")
    for one in calls:
        model = one.model_call
        found.add_row(
            last_part(one.name),
            _what(one),
            _took(one.start_time, one.end_time),
            _took(one.start_time, one.first_token_time),
            _tokens(model.usage) if model else "",
            money([model.cost]) if model and model.cost else "",
            _outcome(one),
        )
    return found


def show_call(session: Session, call: v1.TraceCall) -> None:
    """Print a call with its texts."""
    session.say(f"{call.name}\n  {_what(call)}  {_took(call.start_time, call.end_time)}")
    if model := call.model_call:
        session.say(f"  {plain(model.selection_reason)}")
        for message in model.messages:
            _say(session, (message.role.name or "").lower(), message.text)
            _say_requested(session, message.requested_calls)
        _say(session, "answer", model.answer)
        _say_requested(session, model.requested_calls)
    if tool := call.tool_call:
        _say(session, "arguments", tool.arguments)
        _say(session, "result", tool.result)
    if failure := failure_line(call.failure):
        session.say(f"\nfailure: {plain(failure)}")


def _say(session: Session, label: str, text: v1.TracedText | None) -> None:
    if text is None or not text.text:
        return
    cut = f"  (the beginning of {text.size_bytes} bytes)" if text.truncated else ""
    session.say(f"\n{label}:{cut}\n{plain(text.text)}")


def _say_requested(session: Session, calls: Sequence[v1.RequestedCall]) -> None:
    for each in calls:
        _say(session, f"calls {plain(each.tool)}", each.arguments)


def _what(call: v1.TraceCall) -> str:
    if call.model_call:
        return plain(f"{call.model_call.provider}/{call.model_call.model}")
    return plain(call.tool_call.tool) if call.tool_call else ""


def _outcome(call: v1.TraceCall) -> str:
    if call.failure:
        return failure_line(call.failure)[:_OUTCOME_CHARS]
    if call.cancelled:
        return "cancelled"
    text = call.model_call.answer if call.model_call else call.tool_call and call.tool_call.result
    return plain(text.text).replace("\n", " ")[:_OUTCOME_CHARS] if text else ""


def _of(trace: v1.Trace) -> str:
    name = trace.response or trace.message or trace.task or trace.session
    return "/".join(name.split("/")[-2:])


def _tokens(usage: v1.TraceUsage | None) -> str:
    return f"{usage.input_tokens} + {usage.output_tokens}" if usage else ""


def _took(start: datetime.datetime | None, end: datetime.datetime | None) -> str:
    return f"{(end - start).total_seconds():.2f} s" if start and end else ""
