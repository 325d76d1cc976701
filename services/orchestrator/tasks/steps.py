"""What happens to the steps of a task.

Functions here change a task's record in place and return the events that announce
the change; the store commits both together.
"""

import itertools
from datetime import datetime
from typing import Final

from adjutant.event.v1 import task_events_pb2
from services.mesh.events import new_event
from services.mesh.store import now
from services.orchestrator import convert
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.step import STEP_STATES, StepRecord
from services.orchestrator.tasks.task import Events, TaskRecord

_BECAME: Final = {"FAILED": "failed", "CANCELLED": "was cancelled"}


def move_step(
    task: TaskRecord,
    step: StepRecord,
    state: str,
    failure: FailureRecord | None = None,
    retry_time: datetime | None = None,
) -> Events:
    """Move a step to another state, from which it is tried again at a time. ILLEGAL_TRANSITION."""
    previous = step.state
    STEP_STATES.check(previous, state)
    step.state, step.failure, step.retry_time = state, failure, retry_time
    if state == "RUNNING":
        step.start_time, step.end_time = now(), None
        step.results = []
    elif STEP_STATES.is_final(state):
        step.end_time = now()
    task.wake_time = earliest_retry(task)
    changed = task_events_pb2.StepStateChanged(
        previous_state=convert.step_state(previous), step=convert.step(step)
    )
    return [new_event(resource=task.name, task=task.name, step_state_changed=changed)]


def earliest_retry(task: TaskRecord) -> datetime | None:
    """Return when the next step is tried again; None where none waits for that."""
    return min((step.retry_time for step in task.steps if step.retry_time), default=None)


def ready_steps(task: TaskRecord) -> list[StepRecord]:
    """Return the steps that can start now: no more than there is room for."""
    satisfied = {step.number for step in task.steps if step.satisfied}
    ready = (
        step
        for step in task.steps
        if step.state == "PENDING" and not step.retry_time and satisfied.issuperset(step.after)
    )
    return list(itertools.islice(ready, room(task)))


def room(task: TaskRecord) -> int:
    """Return how many more of a task's runs may be under way."""
    running = sum(step.state == "RUNNING" for step in task.steps)
    return max(task.max_parallel_steps - running, 0) if task.max_parallel_steps else len(task.steps)


def skip_unreachable(task: TaskRecord) -> Events:
    """Skip the steps that wait for one that failed, was skipped or was cancelled.

    One that was left out holds up only those that take its results.
    """
    events: Events = []
    by_number = {step.number: step for step in task.steps}
    causes = {step.number: step for step in task.steps if step.state in ("FAILED", "CANCELLED")}
    omitted = {step.number: step for step in task.steps if step.omitted}
    for number in task.order() if causes or omitted else ():
        step = by_number[number]
        found = [causes[before] for before in step.after if before in causes]
        found += [omitted[taken.step] for taken in step.takes if taken.step in omitted]
        cause = next(iter(found), None)
        if cause is None or step.left_out:
            continue
        causes.setdefault(number, cause)
        if step.state == "PENDING":
            events += move_step(task, step, "SKIPPED", _skipped_for(cause))
    return events


def _skipped_for(cause: StepRecord) -> FailureRecord:
    became = _BECAME.get(cause.state, "is not run")
    message = f"It waits for step {cause.number} {cause.title!r}, which {became}."
    return FailureRecord(reason="STEP_FAILED", message=message)


def summary(task: TaskRecord) -> str:
    """Say how many steps came to what, such as `3 steps succeeded, 1 failed, 2 were skipped`.

    Steps that the plan has ticked off count as succeeded.
    """
    done = sum(step.satisfied and not step.omitted for step in task.steps)
    failed = sum(step.state in ("FAILED", "CANCELLED") for step in task.steps)
    skipped = sum(step.state == "SKIPPED" and not step.ticked for step in task.steps)
    words = f"{done} step{'' if done == 1 else 's'} succeeded, {failed} failed"
    return f"{words}, {skipped} {'was' if skipped == 1 else 'were'} skipped"
