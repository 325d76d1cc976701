"""What every node of the graph stands on."""

from collections.abc import Callable
from typing import Final, Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from services.mesh.store import Store
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, move_task

WAITING_FOR_AGENT: Final = "waiting_for_agent"
WAITING_FOR_USER: Final = "waiting_for_user"
Change = Callable[[TaskRecord], Events | None]
Node = Literal[
    "decompose",
    "plan",
    "execute",
    "wait_for_agent",
    "evaluate",
    "escalate",
    "git_operations",
    "wait_for_user",
    "__end__",
]


class PassStoppedError(Exception):
    """The task is no longer being orchestrated (it was cancelled); the pass ends here."""


class State(TypedDict):
    """What a checkpoint holds: references only, never payloads."""

    task: str
    """Name of the task."""
    started: list[str]
    """Names of the runs under way that the agent runner has accepted."""


class Ground:
    """The orchestrator's parts, and how a node changes its task."""

    def __init__(self, store: Store, runner: Runner) -> None:
        self.store = store
        self.runner = runner

    async def change(self, state: State, config: RunnableConfig, change: Change) -> TaskRecord:
        """Change the task, unless it is no longer ours to change. PassStoppedError."""

        def guarded(task: TaskRecord) -> Events | None:
            if task.state != "ORCHESTRATING":
                raise PassStoppedError(task.state)
            return change(task)

        fence: int = config["configurable"]["fence"]
        return await self.store.update(TASKS, state["task"], guarded, fence=fence)

    async def fail(
        self, state: State, config: RunnableConfig, failure: FailureRecord
    ) -> Command[Node]:
        """End the task as FAILED."""
        await self.change(state, config, lambda task: move_task(task, "FAILED", failure))
        return Command(goto="__end__")


def count(number: int, noun: str) -> str:
    """Return a number of things in words, such as `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
