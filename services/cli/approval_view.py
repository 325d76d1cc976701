"""How approvals look on a terminal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from services.cli.amounts import money
from services.cli.render import age, clock, plain, short_ids, span, state, table
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from adjutant_messages.adjutant.orchestrator.v1 import (
        Approval,
        ApprovalStatistics,
        CommitAction,
        EscalationAction,
        PlanAction,
        ToolAction,
    )
    from services.cli.session import Session

_WIDTH: Final = 12


def approvals_table(approvals: Sequence[Approval], *, shorten: bool = False) -> Table:
    """Return a list of approvals; `shorten` where columns are few."""
    rows = table("approval", "state", "kind", "risk", "asked", "left", "title")
    ids = short_ids((approval.name for approval in approvals), shorten=shorten)
    for approval in approvals:
        rows.add_row(
            ids[approval.name],
            state(approval.state.name or ""),
            (approval.kind.name or "").lower(),
            (approval.risk.name or "").lower(),
            age(approval.create_time),
            left(approval),
            plain(approval.title),
        )
    return rows


def left(approval: Approval) -> str:
    """Return how long an approval still waits; empty where it waits for ever, or no more."""
    if approval.expire_time is None or approval.state.name != "PENDING":
        return ""
    return span(approval.expire_time - datetime.datetime.now(datetime.UTC))


def show_approval(session: Session, approval: Approval) -> None:
    """Print an approval with what happened to it."""
    session.say(approval.name)
    show_action(session, approval)
    _line(session, "state", approval.state.name or "")
    _line(session, "risk", (approval.risk.name or "").lower())
    _line(session, "left", left(approval))
    _line(session, "asked by", approval.requester)
    _line(session, "task", last_part(approval.task))
    _line(session, "digest", approval.action_digest)
    for entry in approval.history:
        who = f" by {entry.actor}" if entry.actor else ""
        change = (entry.change.name or "").lower()
        _line(session, clock(entry.time), f"{change}{who}: {entry.message}")


def show_action(session: Session, approval: Approval) -> None:
    """Print exactly what an approval would allow."""
    session.say(plain(approval.title))
    if approval.commit is not None:
        _show_commit(session, approval.commit)
    if approval.plan is not None:
        _show_plan(session, approval.plan)
    if approval.tool is not None:
        _show_tool(session, approval.tool)
    if approval.escalation is not None:
        _show_escalation(session, approval.escalation)


def _show_commit(session: Session, commit: CommitAction) -> None:
    _line(session, "repository", commit.repository_uri)
    _line(session, "branch", f"{commit.branch}, on top of {commit.base_sha[:12]}")
    for number, line in enumerate(plain(commit.message).strip().splitlines()):
        session.say(f"  {'message' if number == 0 else '':<{_WIDTH}}{line}")
    for number, path in enumerate(commit.changed_files):
        session.say(f"  {'files' if number == 0 else '':<{_WIDTH}}{plain(path)}")
    for patch in commit.patches:
        session.say(f"  change: adjutant patch {session.reference(patch.run)}")


def _show_plan(session: Session, plan: PlanAction) -> None:
    _line(session, "complexity", (plan.complexity.name or "").lower())
    for step in plan.steps:
        _line(session, f"step {step.number}", step.title)
        if step.agent and step.agent != "command":
            _line(session, "agent", step.agent)
        _lines(session, "run", step.command_line)
        _lines(session, "verify", step.verify_command)


def _show_tool(session: Session, tool: ToolAction) -> None:
    _line(session, "tool", tool.tool_name)
    for argument in tool.arguments:
        _line(session, argument.name, argument.value)


def _show_escalation(session: Session, escalation: EscalationAction) -> None:
    context = escalation.context
    if context is not None:
        _line(session, "why", context.message)
        if context.step_number:
            _line(session, "step", f"{context.step_number} {context.step_title}")
        _line(session, "spent", money(context.costs))
        if context.run:
            session.say(f"  its output: adjutant logs {session.reference(context.run)}")
    if escalation.commit is not None:
        _show_commit(session, escalation.commit)
    for choice in escalation.choices:
        session.say(f"  choice {choice.choice_id}: {choice.title}")


def show_statistics(session: Session, found: ApprovalStatistics) -> None:
    """Print how approvals ended."""
    if found.since_time is not None:
        since = found.since_time.astimezone().strftime("%Y-%m-%d %H:%M")
        session.say(f"Approvals since {since}" + (", the newest ones" if found.truncated else ""))
    for outcome in found.outcomes:
        by = f" by {outcome.decided_by.name}" if outcome.decided_by.value else ""
        words = f"{outcome.state.name}{by}".lower()
        _line(session, str(outcome.count), words)
    for label, rate in (("approved", found.approval_rate), ("expired", found.expiry_rate)):
        if rate is not None:
            _line(session, label, f"{rate:.0%}")
    for label, took in (
        ("answered in", found.median_response_duration),
        ("95 % in", found.p95_response_duration),
    ):
        if took is not None:
            _line(session, label, span(took))


def _lines(session: Session, label: str, text: str) -> None:
    """Print a text of several lines, the label beside the first."""
    for number, line in enumerate(text.splitlines()):
        _line(session, "" if number else label, line)


def _line(session: Session, label: str, text: str) -> None:
    if text:
        session.say(f"  {plain(label):<{_WIDTH}}{plain(text)}")
