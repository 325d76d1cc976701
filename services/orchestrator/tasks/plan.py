"""A task's plan: where it comes from, what comes to it, and whether a person is to look at it.

As in `task.py`, functions change the record in place.
"""

from services.mesh.names import parent_of
from services.orchestrator.plans.complexity import complexity
from services.orchestrator.plans.plan import Plan, PlanStep
from services.orchestrator.plans.planner import Planner
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.task import TaskRecord


async def plan_of(planner: Planner, task: TaskRecord) -> Plan:
    """Return the plan of a task's instructions, without what was added to it later.

    It has no steps where a language model is to propose them and has not yet.
    """
    if task.proposal:
        return task.proposal
    title = task.title if task.given_title is None else task.given_title
    return (await planner.plan(parent_of(task.name), task.instructions, title)).plan


def planned_step(step: PlanStep) -> StepRecord:
    """Return a step of a plan as a task has it before anything is run."""
    state = "SKIPPED" if step.ticked else "PENDING"
    return StepRecord(state=state, **step.model_dump(exclude={"line"}))


def adopt_plan(task: TaskRecord, plan: Plan) -> None:
    """Give a task the steps of its plan."""
    task.goals = task.goals or plan.goals
    _put(task, [planned_step(step) for step in plan.steps])


def add_to_plan(task: TaskRecord, more: Plan) -> None:
    """Add steps to a task's plan; what was approved before is another plan then."""
    task.goals = [*task.goals, *more.goals]
    _put(task, [*task.steps, *(planned_step(step) for step in more.steps)])
    if _is_complex(task):
        task.plan_approved = False


def measure(task: TaskRecord) -> None:
    """Note the complexity of the steps as they are: whatever changes them calls it."""
    task.complexity = complexity([step for step in task.steps if not step.omitted])


def needs_approval(task: TaskRecord) -> bool:
    """Tell whether a person is to approve a task's plan before its next step.

    They always are where a language model proposed it: it runs commands that nobody wrote.
    """
    is_open = any(step.state == "PENDING" for step in task.steps)
    is_asked = _is_complex(task) or task.proposal is not None
    return is_open and is_asked and not task.plan_approved


def _put(task: TaskRecord, steps: list[StepRecord]) -> None:
    task.steps = steps
    measure(task)


def _is_complex(task: TaskRecord) -> bool:
    most = task.plan_approval_complexity
    return most is not None and task.complexity > most
