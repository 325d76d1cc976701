"""What happens to the steps of a task.

Functions here change a task's record in place and return the events that announce
the change; the store commits both together.
"""

from adjutant.event.v1 import task_events_pb2
from services.mesh.events import new_event
from services.mesh.store import now
from services.orchestrator import convert
from services.orchestrator.failure import FailureRecord
from services.orchestrator.plan import Plan
from services.orchestrator.step import STEP_STATES, StepRecord
from services.orchestrator.task import Events, TaskRecord


def move_step(
    task: TaskRecord, step: StepRecord, state: str, failure: FailureRecord | None = None
) -> Events:
    """Move a step to another state. ILLEGAL_TRANSITION."""
    previous = step.state
    STEP_STATES.check(previous, state)
    step.state, step.failure = state, failure
    if state == "RUNNING":
        step.start_time, step.end_time = now(), None
    elif STEP_STATES.is_final(state):
        step.end_time = now()
    changed = task_events_pb2.StepStateChanged(
        previous_state=convert.step_state(previous), step=convert.step(step)
    )
    return [new_event(resource=task.name, task=task.name, step_state_changed=changed)]


def adopt_plan(task: TaskRecord, plan: Plan) -> None:
    """Give a task the steps of its plan."""
    task.steps = [
        StepRecord(
            number=step.number,
            title=step.title,
            goal_index=step.goal_index,
            agent=step.agent,
            command_line=step.command_line,
            verify_command=step.verify_command,
            timeout_s=step.timeout_s,
            breaking=step.breaking,
            after=step.after,
            ticked=step.ticked,
            state="SKIPPED" if step.ticked else "PENDING",
        )
        for step in plan.steps
    ]


def ready_steps(task: TaskRecord) -> list[StepRecord]:
    """Return the steps that can start now."""
    satisfied = {step.number for step in task.steps if step.satisfied}
    return [
        step for step in task.steps if step.state == "PENDING" and satisfied.issuperset(step.after)
    ]


def skip_unreachable(task: TaskRecord) -> Events:
    """Skip the steps that wait for one that failed, was skipped or was cancelled."""
    events: Events = []
    by_number = {step.number: step for step in task.steps}
    for number in task.order():
        step = by_number[number]
        blockers = [
            by_number[n]
            for n in step.after
            if STEP_STATES.is_final(by_number[n].state) and not by_number[n].satisfied
        ]
        if step.state == "PENDING" and blockers:
            reason = FailureRecord(
                reason="STEP_FAILED",
                message=f"Step {blockers[0].number} {blockers[0].title!r} did not succeed.",
            )
            events += move_step(task, step, "SKIPPED", reason)
    return events
