"""Frames of an event stream as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from services.cli.amounts import money
from services.cli.render import STATE_STYLES, clock, failure_line, plain, took
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Callable

    from adjutant_messages.adjutant.event.v1 import Event, EventFrame


def frame_line(frame: EventFrame, *, with_resource: bool = True) -> Text | None:
    """Return a frame as one line; None for those that say nothing to people.

    `with_resource` tells which resource it is about, for streams of many.
    """
    if frame.gap is not None:
        count = frame.gap.missing_count or "some"
        return Text(f"{count} events are missing here: the log no longer holds them", "yellow")
    event = frame.event
    if event is None:
        return None
    for kind, describe in _DESCRIPTIONS.items():
        payload = getattr(event, kind)
        if payload is not None:
            noun = kind.partition("_")[0]
            words = [word for word in describe(payload) if word]
            return event_line(event, [*_subject(event, noun, with_resource), *words])
    return None


def event_line(event: Event, words: list[str]) -> Text:
    """Return an event's time and what is said of it as one line; states in their colours."""
    line = Text(clock(event.time), "dim")
    for number, word in enumerate(words):
        line.append("  " if number else " ")
        line.append(plain(word), style=STATE_STYLES.get(word, "default"))
    return line


def progress_words(payload: Any) -> list[str]:
    """Return what a job said of itself."""
    return [f"{payload.percent:.0f} %" if payload.percent is not None else "", payload.message]


def _subject(event: Event, noun: str, with_resource: bool) -> list[str]:
    if noun == "step":  # its own words begin with its number
        return [f"task {last_part(event.resource)}"] if with_resource else []
    if noun == "access":  # of a client, a group or a project
        noun = event.resource.split("/")[-2].removesuffix("s")
    named = event.task if "/messages/" in event.resource else event.resource
    return [f"{noun} {last_part(named)}" if with_resource else noun]


def _task_state(payload: Any) -> list[str]:
    commit = f"commit {payload.commit.sha[:12]}" if payload.commit else ""
    title = payload.title if payload.state.name == "QUEUED" else ""
    return [payload.state.name, title, commit, failure_line(payload.failure)]


def _task_progress(payload: Any) -> list[str]:
    progress = payload.progress
    if progress is None:
        return []
    counted = f"{progress.steps_done}/{progress.step_count} steps" if progress.step_count else ""
    return [progress.node.name.lower(), counted, progress.message]


def _step_state(payload: Any) -> list[str]:
    step = payload.step
    if step is None:
        return []
    span = took(step.start_time, step.end_time)
    return [f"step {step.number}", step.state.name, step.title, span, failure_line(step.failure)]


def _run_state(payload: Any) -> list[str]:
    code = payload.exit_code
    ended = f"exit code {code}" if code is not None else ""
    return [payload.state.name, ended, failure_line(payload.failure)]


def _decider(payload: Any) -> str:
    """Return who decided: the person by name, where it was one who is known."""
    if not payload.decided_by.value:
        return ""
    return f"by {payload.decider or payload.decided_by.name.lower()}"


_DESCRIPTIONS: dict[str, Callable[[Any], list[str]]] = {
    "task_state_changed": _task_state,
    "task_progress": _task_progress,
    "task_moved": lambda payload: ["moved", f"in the {payload.queue.name.lower()}"],
    "task_message_received": lambda payload: [
        f"message {payload.number}",
        payload.excerpt.partition("\n")[0],
        f"from {payload.sender}" if payload.sender else "",
    ],
    "task_message_delivered": lambda payload: [f"message {payload.number}", "handed over"],
    "task_message_discarded": lambda payload: [f"message {payload.number}", "discarded"],
    "step_state_changed": _step_state,
    "approval_requested": lambda payload: ["asked", payload.title],
    "approval_expiring": lambda payload: [
        "expires soon",
        f"at {clock(payload.expire_time)}",
        payload.title,
    ],
    "approval_resolved": lambda payload: [
        payload.state.name,
        payload.choice_id,
        _decider(payload),
        payload.reason,
    ],
    "run_state_changed": _run_state,
    "run_progress": progress_words,
    "schedule_ticked": lambda payload: [
        payload.outcome.name.lower(),
        payload.task and f"task {last_part(payload.task)}",
        failure_line(payload.failure),
    ],
    "schedule_changed": lambda payload: [payload.change.name.lower()],
    "session_changed": lambda payload: [payload.change.name.lower()],
    "response_state_changed": lambda payload: [
        payload.state.name,
        f"attempt {payload.attempt}" if payload.attempt > 1 else "",
        failure_line(payload.failure),
    ],
    "chat_message_added": lambda payload: [f"message {payload.number}"],
    "usage_recorded": lambda payload: [
        f"{payload.provider}/{payload.model}",
        f"{payload.input_tokens} + {payload.output_tokens} tokens",
        "price unknown" if payload.unpriced else money([payload.cost]),
        "estimated" if payload.estimated else "",
        payload.task and f"task {last_part(payload.task)}",
    ],
    "budget_warned": lambda payload: [
        f"{money([payload.spent])} of {money([payload.amount])} spent",
        payload.display_name,
    ],
    "budget_exhausted": lambda payload: [
        f"a call was refused: {money([payload.spent])} of {money([payload.amount])} spent",
        payload.display_name,
    ],
    "access_changed": lambda payload: [payload.change.name.lower()],
    "run_liveness_changed": lambda payload: [payload.liveness.name.lower().replace("_", " ")],
}
