"""How resources look on a terminal."""

from __future__ import annotations

import collections
import datetime
import re
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from services.cli.amounts import money
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adjutant_messages.adjutant.common.v1 import Failure, Step
    from adjutant_messages.adjutant.orchestrator.v1 import Task
    from services.cli.session import Session

STATE_STYLES: Final = {
    "QUEUED": "dim",
    "PENDING": "dim",
    "SKIPPED": "dim",
    "DISMISSED": "dim",
    "PREPARING": "cyan",
    "RUNNING": "cyan",
    "ORCHESTRATING": "cyan",
    "WAITING_FOR_AGENT": "cyan",
    "WAITING_FOR_USER": "bold yellow",
    "CANCELLING": "yellow",
    "CANCELLED": "yellow",
    "COMPLETED": "bold green",
    "SUCCEEDED": "green",
    "APPROVED": "green",
    "FAILED": "bold red",
    "DENIED": "bold red",
    "EXPIRED": "yellow",
}
"""The colour of each state, where there are colours."""

_SHORT_ID_LENGTH: Final = 13
"""Characters that hold a UUIDv7's time in milliseconds, so that few ids share them."""
_CONTROL: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b.?|[\x00-\x08\x0b-\x1f\x7f]")


def plain(text: str) -> str:
    """Return text of others without what would steer the terminal."""
    return _CONTROL.sub("", text)


def state(name: str) -> Text:
    """Return a state in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))


def clock(time: datetime.datetime | None) -> str:
    """Return a time of day where this machine is; empty for none."""
    return time.astimezone().strftime("%H:%M:%S") if time else ""


def age(time: datetime.datetime | None) -> str:
    """Return how long ago a time was."""
    return span(datetime.datetime.now(datetime.UTC) - time) + " ago" if time else ""


def took(start: datetime.datetime | None, end: datetime.datetime | None) -> str:
    """Return how long something took; empty while it is not over."""
    return span(end - start) if start and end else ""


def span(length: datetime.timedelta | None) -> str:
    """Return a length of time in the unit that reads best; none is no time at all."""
    seconds = max(length.total_seconds(), 0.0) if length else 0.0
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:
        return f"{minutes:.0f} min {seconds % 60:.0f} s"
    return f"{hours:.0f} h" if hours < 48 else f"{days:.0f} d"


def table(*columns: str) -> Table:
    """Return an empty table; only the column `title` may take several lines."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column != "title")
    return made


def short_ids(names: Iterable[str], *, shorten: bool) -> dict[str, str]:
    """Return what to show for each name: its id, or the beginning of it that means it alone."""
    ids = {name: last_part(name) for name in names}
    if not shorten:
        return ids
    begun = collections.Counter(whole[:_SHORT_ID_LENGTH] for whole in ids.values())
    return {
        name: short if begun[short := whole[:_SHORT_ID_LENGTH]] == 1 else whole
        for name, whole in ids.items()
    }


def tasks_table(tasks: Sequence[Task], *, shorten: bool = False) -> Table:
    """Return a list of tasks; `shorten` where columns are few."""
    # Where all are of the foreground, as where nobody uses the other one, it need not be said.
    has_queues = any(task.queue.name == "BACKGROUND" for task in tasks)
    queue = ["queue"] if has_queues else []
    rows = table("task", "state", *queue, "steps", "created", "title")
    ids = short_ids((task.name for task in tasks), shorten=shorten)
    for task in tasks:
        done = f"{task.progress.steps_done}/{task.progress.step_count}" if task.progress else ""
        rows.add_row(
            ids[task.name],
            state(task.state.name or ""),
            *([(task.queue.name or "").lower()] if has_queues else []),
            done,
            age(task.create_time),
            plain(task.title),
        )
    return rows


def queue_table(queue: str, tasks: Sequence[Task], *, shorten: bool = False) -> Table:
    """Return the tasks that wait in a queue, with their places."""
    rows = table(queue, "task", "created", "title")
    ids = short_ids((task.name for task in tasks), shorten=shorten)
    for place, task in enumerate(tasks, 1):
        rows.add_row(str(place), ids[task.name], age(task.create_time), plain(task.title))
    return rows


def steps_table(steps: Iterable[Step]) -> Table:
    """Return a task's steps."""
    rows = table("step", "state", "took", "run", "title")
    for step in steps:
        rows.add_row(
            str(step.number),
            state(step.state.name or ""),
            took(step.start_time, step.end_time),
            last_part(step.run),
            plain(step.title),
        )
    return rows


def failure_line(failure: Failure | None) -> str:
    """Return a failure in one line; empty for none."""
    if failure is None:
        return ""
    return f"{failure.reason.name}: {plain(failure.message)}"


def show_task(session: Session, task: Task) -> None:
    """Print one task with its steps, outcome and what to do next."""
    heading = Text.assemble(
        plain(task.title), " · ", state(task.state.name or ""), "\n", (task.name, "dim")
    )
    session.console.print(heading, soft_wrap=True)
    if task.state.name == "QUEUED":
        session.say(f"It waits in the {(task.queue.name or '').lower()}: adjutant queue")
    if task.message_count:
        waiting = task.pending_message_count
        session.say(f"Messages: {task.message_count}, {waiting or 'none'} to be handed over")
    if task.steps:
        session.console.print(steps_table(task.steps))
    show_outcome(session, task)


def show_outcome(session: Session, task: Task) -> None:
    """Print how a task ended and how to go on."""
    me = session.reference(task.name)
    if task.commit:
        commit = task.commit
        session.say(f"Commit {commit.sha} on branch {commit.branch} of {commit.repository_uri}")
    if task.partial_success:
        said = task.progress.message if task.progress else ""
        session.say(f"Only a part of it succeeded: {plain(said)}")
    for step in task.steps:
        _show_step(session, step)
    if task.costs:
        session.say(f"Spent {money(task.costs)}")
    _show_estimate(session, task)
    if task.failure:
        session.say(f"The task failed, {failure_line(task.failure)}")
    if task.state.name in ("FAILED", "CANCELLED"):
        session.say(f"Try again what did not succeed: adjutant retry {me}")
    elif task.state.name == "WAITING_FOR_USER":
        session.say("It waits for an answer: adjutant approvals")


def _show_estimate(session: Session, task: Task) -> None:
    """Print what a task was thought to take, and what it took."""
    from services.cli.estimates import estimate_line

    if task.estimate is None or not task.estimate.known_steps:
        return
    session.say(estimate_line(task.estimate))
    if spent := took(task.start_time, task.end_time):
        session.say(f"It took {spent}.")


def _show_step(session: Session, step: Step) -> None:
    """Print what is to be known of a step beside its row: results, failure, next try."""
    for result in step.results:
        kind = (result.type.name or "").lower()
        read = f"adjutant result {session.reference(step.run)} {result.name}"
        session.say(f"Step {step.number} gave {result.name} ({kind}): {read}")
    if step.omitted:
        session.say(f"Step {step.number} was left out by whoever approved the plan.")
    if step.failure is None:
        return
    if step.state.name == "SKIPPED":
        session.say(f"Step {step.number} was skipped. {plain(step.failure.message)}")
        return
    session.say(f"Step {step.number} failed, {failure_line(step.failure)}")
    if step.retry_time:
        session.say(f"  it is tried again at {clock(step.retry_time)}")
    if step.run:
        session.say(f"  its output: adjutant logs {session.reference(step.run)}")
