"""What callers may ask of a task that is there: to end, to run again.

As in `task.py`, functions change the record in place and return what announces the change.
"""

from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.store import now
from services.orchestrator.approvals.escalation import reset
from services.orchestrator.queues import rank
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import TASK_STATES, Events, TaskRecord, move_task

MAX_RETRY_REQUESTS: Final = 20


def cancel_task(task: TaskRecord) -> Events | None:
    """Ask a task to end; None where that was asked before."""
    if task.state in ("CANCELLING", "CANCELLED"):
        return None
    if TASK_STATES.is_final(task.state):
        raise AdjutantError(
            "ILLEGAL_TRANSITION",
            f"The task has ended already and is {task.state}; there is nothing to cancel.",
            metadata={"state": task.state},
        )
    task.wake = True
    return move_task(task, "CANCELLING")


def retry_task(task: TaskRecord, request_id: str) -> Events | None:
    """Queue a failed or cancelled task again; None where the same request did so before."""
    if request_id and request_id in task.retry_request_ids:
        return None
    if task.state not in ("FAILED", "CANCELLED"):
        message = f"Only a task that FAILED or was CANCELLED can run again; it is {task.state}."
        raise AdjutantError("ILLEGAL_TRANSITION", message, metadata={"state": task.state})
    task.wake = True
    if request_id:
        task.retry_request_ids = [*task.retry_request_ids, request_id][-MAX_RETRY_REQUESTS:]
    task.attempt += 1
    task.rank = rank.at(now())
    if not (task.commit and task.commit.run_state == "SUCCEEDED"):
        # A commit that was pushed before the task was cancelled stands; another one of the
        # same base would not fit behind it.
        task.approval, task.commit = "", None
    reset(task.steps)
    events = move_task(task, "QUEUED")
    for step in task.steps:
        step.retries, step.retry_time = 0, None
        if step.state in ("FAILED", "SKIPPED", "CANCELLED") and not step.left_out:
            events += move_step(task, step, "PENDING")
    task.wake_time = None
    return events
