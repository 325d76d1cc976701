"""The nodes that plan: find the goals, then the steps, and have a person look at a complex plan."""

import hashlib
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from services.mesh.names import parent_of
from services.orchestrator.approvals.action import Action, PlanActionRecord, PlannedStepRecord
from services.orchestrator.graph.asking import Asking, denied, unanswered
from services.orchestrator.graph.ground import Ground, Node, State, count
from services.orchestrator.plans.complexity import complexity, level
from services.orchestrator.plans.estimate import Estimates
from services.orchestrator.plans.plan import Plan
from services.orchestrator.plans.planner import Planner
from services.orchestrator.tasks.steps import adopt_plan
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, enter_node


class Planning:
    """Makes a task's plan, and lets it run when it may."""

    def __init__(
        self, ground: Ground, asking: Asking, planner: Planner, estimates: Estimates
    ) -> None:
        self._ground = ground
        self._asking = asking
        self._planner = planner
        self._estimates = estimates

    async def decompose(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Find the goals."""
        _, plan = await self._plan_of(state)

        def change(task: TaskRecord) -> Events:
            task.goals = task.goals or plan.goals
            return enter_node(task, "DECOMPOSE", f"found {count(len(task.goals), 'goal')}")

        await self._ground.change(state, config, change)
        return {"started": []}

    async def plan(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Find the steps and their order, and what they will probably take; ask where it must.

        The task comes here again when the question was answered.
        """
        task = await self._ground.store.get(TASKS, state["task"])
        if not (task.steps and task.approval):
            task = await self._adopt(state, config)
        if not needs_approval(task):
            return Command(goto="execute")
        approval = await self._asking.answer(state, config, "PLAN", _question)
        if approval.state == "PENDING":
            return Command(goto="wait_for_user")
        if approval.state != "APPROVED":
            failure = unanswered(approval) if approval.state == "EXPIRED" else denied(approval)
            return await self._ground.fail(state, config, failure)
        action = approval.action
        await self._ground.change(state, config, lambda task: _take_yes(task, action))
        return Command(goto="execute")

    async def _adopt(self, state: State, config: RunnableConfig) -> TaskRecord:
        task, plan = await self._plan_of(state)
        width = task.max_parallel_steps
        estimate = await self._estimates.of(parent_of(task.name), plan.steps, width)

        def change(task: TaskRecord) -> Events:
            if not task.steps:
                adopt_plan(task, plan)
                task.estimate, task.complexity = estimate.whole, complexity(plan.steps)
            return enter_node(task, "PLAN", f"planned {count(len(task.steps), 'step')}")

        return await self._ground.change(state, config, change)

    async def _plan_of(self, state: State) -> tuple[TaskRecord, Plan]:
        task = await self._ground.store.get(TASKS, state["task"])
        title = task.title if task.given_title is None else task.given_title
        planned = await self._planner.plan(parent_of(task.name), task.instructions, title)
        return task, planned.plan


def needs_approval(task: TaskRecord) -> bool:
    """Tell whether a person is to approve a task's plan before its first step."""
    most = task.plan_approval_complexity
    return most is not None and task.complexity > most and not task.plan_approved


def _take_yes(task: TaskRecord, action: Action) -> Events:
    """Go by the plan as it was approved: whoever answered may have left steps out."""
    assert isinstance(action, PlanActionRecord)
    kept = {step.number for step in action.steps}
    task.steps = [step for step in task.steps if step.ticked or step.number in kept]
    task.plan_approved, task.approval = True, ""
    return enter_node(task, "PLAN", "the plan is approved")


def _question(task: TaskRecord) -> tuple[str, Action]:
    """Return what is asked before a plan is run."""
    steps = [step for step in task.steps if not step.ticked]
    action = PlanActionRecord(
        steps=[
            PlannedStepRecord(number=step.number, title=step.title, after=step.after)
            for step in steps
        ],
        complexity=level(task.complexity),
        plan_digest=hashlib.sha256(task.instructions.encode()).hexdigest(),
    )
    title = f"Run a plan of {count(len(steps), 'step')}, complexity {task.complexity}"
    return title, action
