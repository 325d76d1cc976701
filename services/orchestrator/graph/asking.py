"""How the graph asks a person, waits for the answer, and asks again when none came in time."""

from collections.abc import Callable
from typing import Final

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, interrupt

from services.mesh.names import parent_of
from services.mesh.store import RequestKey
from services.orchestrator.approvals.action import Action, EscalationActionRecord
from services.orchestrator.approvals.approval import APPROVALS, MAX_ATTEMPTS, ApprovalRecord
from services.orchestrator.approvals.asking import Approved, Asker, Question
from services.orchestrator.graph.ground import WAITING_FOR_USER, Ground, Node, State
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.task import TASKS, Events, TaskRecord, enter_node

ASKED_BY: Final[dict[str, Node]] = {
    "COMMIT": "git_operations",
    "ESCALATION": "escalate",
    "PLAN": "plan",
}
"""Kind of an approval to the node that asks for it, and takes the answer."""


class Asking:
    """Asks for the approvals that a task waits for."""

    def __init__(self, ground: Ground, asker: Asker) -> None:
        self._ground = ground
        self._asker = asker

    async def answer(
        self,
        state: State,
        config: RunnableConfig,
        node: str,
        ask: Callable[[TaskRecord], tuple[str, Action]],
    ) -> ApprovalRecord:
        """Return the approval that the task waits for; ask where none was asked for yet.

        `ask` returns the title and the action. One that expired is asked for again, up to
        MAX_ATTEMPTS times in all. PENDING means: go to `wait_for_user`, which comes back; EXPIRED
        means that nobody answered at all (`unanswered` is the failure). Whoever takes an answer
        clears `task.approval` in the same write, so that the next question is another one.
        """
        task = await self._ground.store.get(TASKS, state["task"])
        previous = None
        if task.approval:
            approval = await self._ground.store.get(APPROVALS, task.approval)
            if approval.state != "EXPIRED" or approval.attempt >= MAX_ATTEMPTS:
                return approval
            previous = approval
        # The same is asked again, and not what could be asked now.
        title, action = (previous.title, previous.action) if previous else ask(task)
        approval = await self._ask(task, title, action, previous)

        def change(current: TaskRecord) -> Events:
            current.approval = approval.name
            current.asked += 1
            return enter_node(current, node, f"asks: {approval.title}"[:200])

        await self._ground.change(state, config, change)
        return approval

    async def _ask(
        self, task: TaskRecord, title: str, action: Action, previous: ApprovalRecord | None
    ) -> ApprovalRecord:
        parent = parent_of(task.name)
        question = Question(
            parent=parent,
            title=title,
            action=action,
            requester=task.submitter,
            task=task.name,
            previous=previous,
            approved=_in_advance(task, action),
        )
        # After a crash between this write and the task's, the same question is found again.
        request = RequestKey(parent, f"{task.name} asks {task.attempt}.{task.asked}", "")
        return await self._asker.ask(question, request)

    async def wait_for_user(self, state: State) -> Command[Node]:
        """Wait until a person has answered, and go back to the node that asked."""
        task = await self._ground.store.get(TASKS, state["task"])
        approval = await self._ground.store.find(APPROVALS, task.approval)
        if approval is None:
            # A retry after a cancellation starts over without the approval of before.
            return Command(goto="decompose")
        if approval.state == "PENDING":
            interrupt({"kind": WAITING_FOR_USER, "approval": approval.name})
        return Command(goto=asked_by(approval.action))


def asked_by(action: Action) -> Node:
    """Return the node that asks for an action."""
    if isinstance(action, EscalationActionRecord) and action.commit:
        return "git_operations"
    return ASKED_BY[action.kind]


def unanswered(approval: ApprovalRecord) -> FailureRecord:
    """Return why a task fails that nobody answered, however often it asked."""
    times = f"{approval.attempt} times" if approval.attempt > 1 else "once"
    message = (
        f"{approval.title}: it was asked {times} and nobody answered in time. "
        "Retry the task when somebody is there; it asks again."
    )
    return FailureRecord(reason="APPROVAL_EXPIRED", message=message, disposition="PERSON")


def denied(approval: ApprovalRecord) -> FailureRecord:
    """Return why a task fails that a person said no to."""
    reason = f": {approval.reason}" if approval.reason else "."
    return FailureRecord(
        reason="APPROVAL_DENIED",
        message=f"{approval.title} was {approval.state.lower()}{reason}",
        disposition="PERSON",
    )


def _in_advance(task: TaskRecord, action: Action) -> Approved | None:
    """Return what the submitter, or the settings of the project, approved before it was asked."""
    if task.approval_policy != "APPROVE" or action.kind not in ("COMMIT", "PLAN"):
        return None
    if task.inherits_policy:
        return Approved("approved by the project's settings")
    return Approved("approved when submitted", task.submitter)
