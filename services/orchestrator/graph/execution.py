"""The nodes that have agents do the steps: execute, wait for agents, evaluate."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, interrupt

from services.mesh.errors import AdjutantError
from services.orchestrator.approvals.escalation import exhaust, is_settled, over_budget
from services.orchestrator.graph.escalation import is_needed
from services.orchestrator.graph.ground import WAITING_FOR_AGENT, Ground, Node, State, count
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.plan import needs_approval
from services.orchestrator.tasks.runspec import begin_attempt, step_spec
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import move_step, ready_steps, skip_unreachable, summary
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, enter_node, move_task


class Execution:
    """Starts the steps that are ready, waits for their runs, and takes in what they brought."""

    def __init__(self, ground: Ground, max_step_iterations: int) -> None:
        """Take how often a step may be started, where its project does not say."""
        self._ground = ground
        self._max_step_iterations = max_step_iterations

    async def execute(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Start every step that is ready.

        The intent is committed before the agent runner is called, so that a
        cancellation in between finds every run that may exist.
        """

        def change(task: TaskRecord) -> Events | None:
            events: Events = []
            ready = ready_steps(task)
            if not ready:
                return None  # a second time through, after a crash
            for step in ready:
                begin_attempt(task, step)
                events += move_step(task, step, "RUNNING")
            titles = ", ".join(step.title for step in ready)
            return [*enter_node(task, "EXECUTE", f"starts {titles}"[:200]), *events]

        task = await self._ground.change(state, config, change)
        for step in task.steps:
            if step.state == "RUNNING" and step.run not in state["started"]:
                await self._start_step(state, config, task, step)
        return {"started": task.active_runs()}

    async def wait_for_agent(self, state: State) -> dict[str, Any]:
        """Wait until one of the runs under way has ended, or a step is to be tried again."""
        task = await self._ground.store.get(TASKS, state["task"])
        runs = task.active_runs()
        if runs or (task.wake_time and not ready_steps(task)):
            interrupt({"kind": WAITING_FOR_AGENT, "runs": runs})
        return {}

    async def evaluate(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Take in what the runs brought, and decide how to go on."""

        def change(task: TaskRecord) -> Events:
            events = exhaust(task, self._max_step_iterations)
            events += skip_unreachable(task)
            events += enter_node(task, "EVALUATE", _standing(task))
            if _is_stuck(task) and not (_keeps_something(task) or is_needed(task)):
                events += move_task(task, "FAILED", _step_failure(task))
            return events

        task = await self._ground.change(state, config, change)
        if task.state == "FAILED":
            return Command(goto="__end__")
        if over_budget(task):
            # Nothing is started, and nobody is asked before all that runs has ended.
            return Command(goto="wait_for_agent" if task.active_runs() else "escalate")
        if ready_steps(task):
            # A plan that grew is looked at again before more of it is started.
            return Command(goto="plan" if needs_approval(task) else "execute")
        if task.active_runs() or task.wake_time:
            return Command(goto="wait_for_agent")
        if is_needed(task):
            return Command(goto="escalate")
        return Command(goto="git_operations")

    async def _start_step(
        self, state: State, config: RunnableConfig, task: TaskRecord, step: StepRecord
    ) -> None:
        try:
            await self._ground.runner.start(step.run, step_spec(task, step), task.submitter)
        except AdjutantError as refused:
            failure = FailureRecord(reason=refused.reason, message=refused.message)

            def change(current: TaskRecord) -> Events:
                failed = current.step_of_run(step.run)
                assert failed is not None
                return move_step(current, failed, "FAILED", failure)

            await self._ground.change(state, config, change)


def _is_stuck(task: TaskRecord) -> bool:
    """Tell whether nothing runs, nothing can start or will, and not everything is done."""
    open_work = ready_steps(task) or task.active_runs() or task.wake_time
    return not open_work and not all(is_settled(task, step) for step in task.steps)


def _keeps_something(task: TaskRecord) -> bool:
    """Tell whether a task goes on to its end with what succeeded."""
    return task.failure_policy == "KEEP" and any(step.state == "SUCCEEDED" for step in task.steps)


def _standing(task: TaskRecord) -> str:
    """Say how far the steps are."""
    if _is_stuck(task):
        return summary(task)
    done = sum(step.satisfied for step in task.steps)
    text = f"{done} of {count(len(task.steps), 'step')} done"
    waiting = sum(step.retry_time is not None for step in task.steps)
    return f"{text}, {waiting} to be tried again" if waiting else text


def _step_failure(task: TaskRecord) -> FailureRecord:
    failed = next((step for step in task.steps if step.state in ("FAILED", "CANCELLED")), None)
    if failed is None:
        return FailureRecord(reason="STEP_FAILED", message="No step could be started.")
    why = failed.failure.message if failed.failure else f"its run was {failed.state}"
    message = f"Step {failed.number} {failed.title!r} failed: {why} ({summary(task)})"
    return FailureRecord(reason="STEP_FAILED", message=message)
