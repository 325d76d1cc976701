"""The nodes that plan: find the goals, then the steps, and have a person look at a complex plan."""

import asyncio
import hashlib
from typing import Final

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from services.mesh.errors import AdjutantError
from services.mesh.names import parent_of
from services.mesh.tasks import end
from services.orchestrator.approvals.action import Action, PlanActionRecord, PlannedStepRecord
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.graph.asking import Asking, refusal
from services.orchestrator.graph.ground import Ground, Node, PassStoppedError, State, count
from services.orchestrator.models.port import CallScope
from services.orchestrator.plans.complexity import level
from services.orchestrator.plans.estimate import Estimates
from services.orchestrator.plans.plan import Plan
from services.orchestrator.plans.planner import Planner
from services.orchestrator.plans.proposal import Proposer
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.plan import adopt_plan, measure, needs_approval, plan_of
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, enter_node

_NOBODY: Final = (
    "The task is told in plain words, and no language model is configured any more to make a plan "
    "of them. Configure one as in docs/models.md, then retry the task."
)
_NO_PROPOSAL: Final = {
    "PLAN_REQUIRED": "WORK",
    "MODEL_RATE_LIMITED": "INFRASTRUCTURE",
    "MODEL_UNAVAILABLE": "INFRASTRUCTURE",
    "MODEL_REFUSED": "INFRASTRUCTURE",
    "CONTEXT_TOO_LONG": "WORK",
    "UNKNOWN_MODEL": "INFRASTRUCTURE",
    "BUDGET_EXHAUSTED": "WORK",
    "PRICE_UNKNOWN": "WORK",
}
"""Why no plan can be proposed, and the disposition of that; a person is told, and may retry."""


LOOK_S: Final = 1.0
"""Seconds between two looks whether a task whose plan is being made was cancelled."""


class Planning:
    """Makes a task's plan, and lets it run when it may."""

    def __init__(
        self,
        ground: Ground,
        asking: Asking,
        planner: Planner,
        estimates: Estimates,
        proposer: Proposer | None,
    ) -> None:
        """Take who makes plans of plain words; None where nobody does."""
        self._proposer = proposer
        self._ground = ground
        self._asking = asking
        self._planner = planner
        self._estimates = estimates

    async def decompose(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Find the goals; of plain words have a language model propose the plan first."""
        task = await self._ground.store.get(TASKS, state["task"])
        plan = await plan_of(self._planner, task)
        if not plan.steps:
            try:
                plan = await self._propose(state, config, task)
            except AdjutantError as error:
                if error.reason not in _NO_PROPOSAL:
                    raise
                failure = FailureRecord(
                    reason=error.reason,
                    message=error.message,
                    disposition=_NO_PROPOSAL[error.reason],
                )
                return await self._ground.fail(state, config, failure)

        def change(task: TaskRecord) -> Events:
            task.goals = task.goals or plan.goals
            return enter_node(task, "DECOMPOSE", f"found {count(len(task.goals), 'goal')}")

        await self._ground.change(state, config, change)
        return Command(goto="plan", update={"started": []})

    async def _propose(self, state: State, config: RunnableConfig, task: TaskRecord) -> Plan:
        """Have a plan proposed and keep it with the task, so that it is made once."""
        if self._proposer is None:
            raise AdjutantError("PLAN_REQUIRED", _NOBODY)
        scope = CallScope(
            project=parent_of(task.name),
            principal=task.submitter,
            agent="planner",
            task=task.name,
        )
        work = asyncio.create_task(self._proposer.propose(scope, task.instructions, task.title))
        try:
            plan = await self._unless_stopped(work, task.name)
        finally:
            await end([work])

        def change(task: TaskRecord) -> Events:
            task.proposal = task.proposal or plan
            return []

        kept = (await self._ground.change(state, config, change)).proposal
        return kept or plan

    async def _unless_stopped(self, work: "asyncio.Task[Plan]", name: str) -> Plan:
        """Return what a model comes to. PassStoppedError once the task is no longer worked on."""
        while not work.done():
            await asyncio.wait([work], timeout=LOOK_S)
            task = await self._ground.store.get(TASKS, name)
            if task.state != "ORCHESTRATING":
                raise PassStoppedError(task.state)
        return work.result()

    async def plan(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Find the steps and their order, and what they will probably take; ask where it must.

        The task comes here again when the question was answered, and when its plan has grown.
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
            if task.active_runs():
                return Command(goto="wait_for_agent")  # a task ends when its runs have
            return await self._ground.fail(state, config, refusal(approval))
        await self._ground.change(state, config, lambda task: _take_yes(task, approval))
        return Command(goto="evaluate")

    async def _adopt(self, state: State, config: RunnableConfig) -> TaskRecord:
        task = await self._ground.store.get(TASKS, state["task"])
        plan = await plan_of(self._planner, task)
        width = task.max_parallel_steps
        estimate = await self._estimates.of(parent_of(task.name), plan.steps, width)

        def change(task: TaskRecord) -> Events:
            if not task.steps:
                adopt_plan(task, plan)
            # A message may have brought the steps.
            task.estimate = task.estimate or estimate.whole
            return enter_node(task, "PLAN", f"planned {count(len(task.steps), 'step')}")

        return await self._ground.change(state, config, change)


def _take_yes(task: TaskRecord, approval: ApprovalRecord) -> Events:
    """Go by the plan as it was approved: whoever answered may have left steps out."""
    omitted = _numbers(approval.requested) - _numbers(approval.action)
    events: Events = []
    for step in task.steps:
        if step.state == "PENDING" and step.number in omitted:
            step.omitted = True
            events += move_step(task, step, "SKIPPED")
    measure(task)
    task.plan_approved, task.approval = True, ""
    said = f", without {count(len(events), 'step')}" if events else ""
    return [*events, *enter_node(task, "PLAN", f"the plan is approved{said}")]


def _numbers(action: Action) -> set[int]:
    assert isinstance(action, PlanActionRecord)
    return {step.number for step in action.steps}


def _question(task: TaskRecord) -> tuple[str, Action]:
    """Return what is asked before a plan is run, or what is left of it."""
    steps = [step for step in task.steps if step.state == "PENDING"]
    action = PlanActionRecord(
        steps=[_planned(step) for step in steps],
        complexity=level(task.complexity),
        plan_digest=hashlib.sha256(task.instructions.encode()).hexdigest(),
    )
    begun = any(step.attempt for step in task.steps)
    what = f"{count(len(steps), 'further step')} of a plan" if begun else _whole(steps)
    whose = " that a language model proposed" if task.proposal else ""
    return f"Run {what}{whose}, complexity {task.complexity}", action


def _whole(steps: list[StepRecord]) -> str:
    return f"a plan of {count(len(steps), 'step')}"


def _planned(step: StepRecord) -> PlannedStepRecord:
    return PlannedStepRecord(
        number=step.number,
        title=step.title,
        after=step.after,
        agent=step.agent,
        command_line=step.command_line,
        verify_command=step.verify_command,
    )
