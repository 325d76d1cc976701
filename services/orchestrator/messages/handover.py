"""How messages come into a task: accepted, handed over, or discarded.

As in `task.py`, functions change the record in place and return what announces the change.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from adjutant.event.v1 import task_events_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events import new_event
from services.mesh.names import child, collection_and_id
from services.mesh.store import now
from services.orchestrator.messages.additions import KnownStep, known_step, parse_additions
from services.orchestrator.messages.inbox import Letter, Settlement
from services.orchestrator.messages.message import MessageRecord
from services.orchestrator.plans.plan import Plan, PlanStep
from services.orchestrator.tasks.plan import add_to_plan, adopt_plan
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.task import CommitRecord, Events, TaskRecord

MAX_MESSAGES: Final = 500
EXCERPT: Final = 300
_CLOSED: Final = {
    "COMPLETED": "The task is COMPLETED and takes no message any more; submit a new task.",
    "CANCELLED": "The task is CANCELLED; retry it and send the message then, or submit a new task.",
    "CANCELLING": "The task is being cancelled; submit a new task.",
}


def message_name(task: TaskRecord, message_id: str) -> str:
    """Return the name of a task's message."""
    return child(task.name, "messages", message_id)


def require_open(task: TaskRecord) -> None:
    """Raise ILLEGAL_TRANSITION or TOO_MANY_MESSAGES where a task takes no message."""
    if task.state in _CLOSED:
        raise AdjutantError(
            "ILLEGAL_TRANSITION", _CLOSED[task.state], metadata={"state": task.state}
        )
    if task.inbox.received >= MAX_MESSAGES:
        raise AdjutantError(
            "TOO_MANY_MESSAGES",
            f"The task has {MAX_MESSAGES} messages, and no task may have more; submit a new task.",
        )


def known_steps(task: TaskRecord, plan: Plan | None) -> list[KnownStep]:
    """Return the steps that a task will have when all its messages are handed over.

    `plan` is what its instructions mean, where it has adopted no steps yet.
    """
    steps: Sequence[PlanStep | StepRecord] = task.steps or (plan.steps if plan else [])
    return [known_step(step) for step in steps] + [
        step for letter in task.inbox.pending for step in letter.adds
    ]


def accept(task: TaskRecord, message: MessageRecord, adds: list[KnownStep]) -> Events:
    """Put a message into the task's inbox and wake the task; a FAILED one stays at rest."""
    require_open(task)
    inbox = task.inbox
    inbox.received += 1
    message_id = collection_and_id(message.name)[1]
    letter = Letter(message_id=message_id, number=inbox.received, adds=adds)
    inbox.pending = [*inbox.pending, letter]
    task.wake = True
    received = task_events_pb2.TaskMessageReceived(
        number=inbox.received,
        sender=message.sender,
        excerpt=message.text[:EXCERPT],
        steps_added=[step.number for step in adds],
    )
    return [new_event(resource=message.name, task=task.name, task_message_received=received)]


def can_hand_over(task: TaskRecord) -> bool:
    """Tell whether a message waits, and may be handed over.

    While a commit is being made what is committed must not change.
    """
    commit = task.commit
    is_committing = commit is not None and not commit.run_state and not commit.sha
    return bool(task.inbox.pending) and not is_committing


def hand_over(task: TaskRecord, texts: Mapping[str, str], plan: Plan | None = None) -> Events:
    """Hand over what waits, in order; `texts` are those that were read, by message id.

    `plan` is adopted where steps come before the plan has. One that came after the texts were
    read, and adds steps, is left for the next pass.
    """
    events: Events = []
    while can_hand_over(task):
        letter = task.inbox.pending[0]
        if letter.adds and letter.message_id not in texts:
            break
        added, stale = [], []
        if letter.adds:
            added, stale = _add_steps(task, texts[letter.message_id], plan), _reopen(task)
        task.inbox.pending = task.inbox.pending[1:]
        task.inbox.handed_over = letter.number
        delivered = task_events_pb2.TaskMessageDelivered(
            number=letter.number,
            task_attempt=task.attempt,
            steps_added=added,
            pass_number=task.passes,
        )
        _settle_later(task, letter, "DELIVERED", added, stale)
        name = message_name(task, letter.message_id)
        events.append(new_event(resource=name, task=task.name, task_message_delivered=delivered))
    return events


def discard(task: TaskRecord) -> Events:
    """Discard what waits, for the task is cancelled."""
    events: Events = []
    for letter in task.inbox.pending:
        _settle_later(task, letter, "DISCARDED", [], [])
        discarded = task_events_pb2.TaskMessageDiscarded(number=letter.number)
        name = message_name(task, letter.message_id)
        events.append(new_event(resource=name, task=task.name, task_message_discarded=discarded))
    task.inbox.pending = []
    return events


def _settle_later(
    task: TaskRecord, letter: Letter, state: str, added: list[int], stale: list[str]
) -> None:
    settlement = Settlement(
        message_id=letter.message_id,
        number=letter.number,
        state=state,
        steps_added=added,
        time=now(),
        stale=stale,
    )
    if state == "DELIVERED":
        settlement.task_attempt, settlement.task_pass = task.attempt, task.passes
    task.inbox.unsettled = [*task.inbox.unsettled, settlement]


def _add_steps(task: TaskRecord, text: str, plan: Plan | None) -> list[int]:
    """Add a message's steps to the plan and return their numbers."""
    if not task.steps:
        assert plan is not None, "it is read with the texts"
        adopt_plan(task, plan)
    more = parse_additions(text, [known_step(step) for step in task.steps])
    assert more is not None, "it was read before, with the same plan"
    add_to_plan(task, more)
    return [step.number for step in more.steps]


def _reopen(task: TaskRecord) -> list[str]:
    """Have a person asked anew, for more will be done than was asked for.

    Returns the names of what they may have been asked before: also of a question that a crash
    kept from this record, so that its answer is never taken for one to the next.
    What was committed already is where the new steps start from.
    """
    stale = [name for name in (task.approval, task.next_question) if name]
    task.approval = ""
    task.asked += 1
    commit = task.commit
    if commit and commit.run_state == "SUCCEEDED":
        for step in task.patches():
            step.committed = True
        task.base_sha = commit.sha
        task.commit = CommitRecord(attempt=commit.attempt, sha=commit.sha, branch=commit.branch)
    return stale
