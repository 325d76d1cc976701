"""The node that asks a person how to go on, when a task cannot by itself."""

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from services.orchestrator.approvals import escalation
from services.orchestrator.graph.asking import Asking, refusal
from services.orchestrator.graph.ground import Ground, Node, State
from services.orchestrator.tasks.task import TASKS, TaskRecord


class Escalation:
    """Asks, and does what was chosen."""

    def __init__(self, ground: Ground, asking: Asking) -> None:
        self._ground = ground
        self._asking = asking

    async def escalate(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Ask how to go on, or take the answer; nothing of the task runs meanwhile."""
        task = await self._ground.store.get(TASKS, state["task"])
        if not task.approval and not is_needed(task):
            return Command(goto="evaluate")  # a second time through, after a crash
        approval = await self._asking.answer(state, config, "EVALUATE", escalation.question)
        if approval.state == "PENDING":
            return Command(goto="wait_for_user")
        if not approval.choice_id:
            return await self._ground.fail(state, config, refusal(approval))
        task = await self._ground.change(
            state, config, lambda current: escalation.apply(current, approval)
        )
        return Command(goto="__end__" if task.state == "FAILED" else "evaluate")


def is_needed(task: TaskRecord) -> bool:
    """Tell whether a task that was evaluated asks how to go on."""
    return escalation.over_budget(task) or escalation.asks(task)
