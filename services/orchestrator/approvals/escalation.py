"""When a task cannot go on by itself: what a person is asked, and what their choice does.

As in `task.py`, functions change the record in place and return what announces the change.
"""

import re
from collections.abc import Iterable
from typing import Final

from services.orchestrator.approvals.action import (
    GIVE_UP,
    ChoiceRecord,
    CommitActionRecord,
    ContextRecord,
    EscalationActionRecord,
)
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.money import exceeds
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import move_step, ready_steps
from services.orchestrator.tasks.task import Events, TaskRecord, move_task

TRY_AGAIN: Final = "try-again"
GO_ON: Final = "go-on-without"
ALLOW: Final = "allow-as-much-again"
COMMIT: Final = "commit"
_TITLES: Final = {
    TRY_AGAIN: "Start the step again",
    GO_ON: "Go on without the step; steps that come after it stay skipped",
    ALLOW: "Let it cost as much again",
    COMMIT: "Commit it all the same",
    GIVE_UP: "Give up; the task fails",
}
_BREAKING_TITLE: Final = re.compile(r"^[a-z]+(\([^()]*\))?!:", re.IGNORECASE)
_BREAKING_FOOTER: Final = re.compile(r"^BREAKING[ -]CHANGE:", re.MULTILINE)
"""How Conventional Commits marks what breaks."""


def exhaust(task: TaskRecord, most: int) -> Events:
    """Fail the steps that would be started more often than they may."""
    most = task.max_step_iterations or most
    events: Events = []
    for step in ready_steps(task):
        if step.iterations >= most:
            failure = FailureRecord(reason="TOO_MANY_ITERATIONS", message=_too_often(step))
            events += move_step(task, step, "FAILED", failure)
    return events


def open_failure(task: TaskRecord) -> StepRecord | None:
    """Return the first step that failed for good, and that no person had the task go on without."""
    failed = (step for step in task.steps if step.state in ("FAILED", "CANCELLED"))
    return next((step for step in failed if not step.waived and not step.left_out), None)


def is_settled(task: TaskRecord, step: StepRecord) -> bool:
    """Tell whether nothing more is expected of a step: done, or a person goes on without it."""
    if step.satisfied or step.waived:
        return True
    before = task.ancestors(step.number)
    return step.state == "SKIPPED" and any(
        other.waived or other.omitted for other in task.steps if other.number in before
    )


def over_budget(task: TaskRecord) -> bool:
    """Tell whether a task would go on to spend although it cost more than it may."""
    if task.cost_limit is None or not ready_steps(task):
        return False
    return exceeds(task.costs, task.cost_limit)


def asks(task: TaskRecord) -> bool:
    """Tell whether a person is asked because of a step that failed for good.

    A task that keeps what succeeded goes on without such a step, and asks nobody.
    """
    is_asked = task.escalation_policy == "ASK" and task.failure_policy != "KEEP"
    return is_asked and open_failure(task) is not None


def question(task: TaskRecord) -> tuple[str, EscalationActionRecord]:
    """Return the title and the choices of what a task asks that cannot go on by itself."""
    if over_budget(task):
        return _of_money(task)
    step = open_failure(task)
    assert step is not None
    return _of_step(task, step)


def _of_money(task: TaskRecord) -> tuple[str, EscalationActionRecord]:
    assert task.cost_limit is not None
    spent = " and ".join(cost.text for cost in task.costs)
    message = f"The task cost {spent}; its limit is {task.cost_limit.text}."
    context = ContextRecord(message=message, costs=task.costs, cost_limit=task.cost_limit)
    action = EscalationActionRecord(
        escalation="MONEY", context=context, choices=_choices(ALLOW, GIVE_UP)
    )
    return f"May it cost more? {message}", action


def _of_step(task: TaskRecord, step: StepRecord) -> tuple[str, EscalationActionRecord]:
    failure = step.failure
    why = failure.message if failure else f"its run was {step.state.lower()}"
    too_often = failure is not None and failure.reason == "TOO_MANY_ITERATIONS"
    context = ContextRecord(
        message=f"Step {step.number} {step.title!r} failed: {why}",
        step_number=step.number,
        step_title=step.title,
        run=step.run,
        iterations=step.iterations,
        failure=failure,
        costs=task.costs,
        cost_limit=task.cost_limit,
    )
    action = EscalationActionRecord(
        escalation="TOO_MANY_ITERATIONS" if too_often else "NO_RECOVERY",
        context=context,
        choices=_choices(TRY_AGAIN, GO_ON, GIVE_UP),
    )
    return f"How to go on? Step {step.number} {step.title!r} failed", action


def breaking_merge(title: str, commit: CommitActionRecord) -> tuple[str, EscalationActionRecord]:
    """Return what is asked before a commit that breaks what others rely on."""
    context = ContextRecord(message="The commit is marked as breaking what others rely on.")
    action = EscalationActionRecord(
        escalation="BREAKING_MERGE",
        context=context,
        choices=_choices(COMMIT, GIVE_UP),
        commit=commit,
    )
    return f"{title}, which breaks what others rely on", action


def is_breaking(task: TaskRecord) -> bool:
    """Tell whether what a task changed is marked as breaking: in its plan, or in the commit."""
    changed = task.patches()
    if any(step.breaking for step in changed):
        return True
    titles = (task.title, *(step.title for step in changed))
    return any(_BREAKING_TITLE.match(text) or _BREAKING_FOOTER.search(text) for text in titles)


def apply(task: TaskRecord, approval: ApprovalRecord) -> Events:
    """Do what a person chose; the question is settled with it."""
    task.approval = ""
    action = approval.action
    assert isinstance(action, EscalationActionRecord)
    if approval.choice_id == ALLOW and task.cost_limit:
        task.cost_share = task.cost_share or task.cost_limit
        task.cost_limit = task.cost_limit.plus(task.cost_share)
        return []
    step = next((s for s in task.steps if s.number == action.context.step_number), None)
    if approval.choice_id == GO_ON and step:
        step.waived = True
        return []
    if approval.choice_id == TRY_AGAIN and step:
        return _try_again(task, step)
    return move_task(task, "FAILED", _given_up(approval, action))


def _try_again(task: TaskRecord, step: StepRecord) -> Events:
    """Have a step run again, and what was skipped because of it."""
    step.iterations = step.retries = 0
    events = move_step(task, step, "PENDING") if step.state != "PENDING" else []
    for other in task.steps:
        skipped = other.state == "SKIPPED" and not other.left_out
        if skipped and step.number in task.ancestors(other.number):
            events += move_step(task, other, "PENDING")
    return events


def _given_up(approval: ApprovalRecord, action: EscalationActionRecord) -> FailureRecord:
    who = approval.decider or "nobody known"
    said = f" ({approval.reason})" if approval.reason else ""
    reason = "COST_LIMIT" if action.escalation == "MONEY" else "STEP_FAILED"
    message = f"{action.context.message} {who} gave up{said}. Retry the task to go on all the same."
    return FailureRecord(reason=reason, message=message, disposition="PERSON")


def _too_often(step: StepRecord) -> str:
    times = "once" if step.iterations == 1 else f"{step.iterations} times"
    last = f"; the last time: {step.failure.message}" if step.failure else ""
    return f"It was started {times} and did not succeed{last}"


def _choices(*ids: str) -> list[ChoiceRecord]:
    return [ChoiceRecord(choice_id=one, title=_TITLES[one]) for one in ids]


def reset(steps: Iterable[StepRecord]) -> None:
    """Let steps be started as often as at first, and expect all of them again."""
    for step in steps:
        step.iterations, step.waived = 0, False
