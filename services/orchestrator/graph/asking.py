"""How the graph asks a person, waits for the answer, and asks again when none came in time."""

from collections.abc import Callable
from typing import Final

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, interrupt

from services.mesh.names import parent_of
from services.mesh.store import Look, RequestKey
from services.orchestrator.approvals.action import Action, EscalationActionRecord
from services.orchestrator.approvals.approval import (
    APPROVALS,
    MAX_ATTEMPTS,
    MAX_DISMISSALS,
    ApprovalRecord,
)
from services.orchestrator.approvals.asking import Approved, Asker, Question
from services.orchestrator.graph.ground import (
    WAITING_FOR_USER,
    Ground,
    Node,
    PassStoppedError,
    State,
)
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
        MAX_ATTEMPTS times in all, and one that was taken back, which is nobody's answer.
        PENDING means: go to `wait_for_user`, which comes back; where it is not APPROVED,
        `refusal` is the failure. Whoever takes an answer clears `task.approval` in the same
        write, so that the next question is another one.
        """
        task = await self._ground.store.get(TASKS, state["task"])
        previous = None
        if task.approval:
            previous = await self._ground.store.get(APPROVALS, task.approval)
            if not _is_asked_again(previous):
                return previous
        if previous and previous.state == "EXPIRED":
            # The same is asked again, and not what could be asked now.
            title, action = previous.title, previous.action
        else:
            title, action = ask(task)
        fence: int = config["configurable"]["fence"]
        approval = await self._ask(task, title, action, previous, fence)

        def change(current: TaskRecord) -> Events:
            current.approval = approval.name
            current.asked += 1
            return enter_node(current, node, f"asks: {approval.title}"[:200])

        await self._ground.change(state, config, change)
        return approval

    async def _ask(
        self,
        task: TaskRecord,
        title: str,
        action: Action,
        previous: ApprovalRecord | None,
        fence: int,
    ) -> ApprovalRecord:
        parent = parent_of(task.name)
        question = Question(
            parent=parent,
            name=task.next_question,
            title=title,
            action=action,
            requester=task.submitter,
            task=task.name,
            previous=previous,
            approved=_in_advance(task, action),
        )
        # After a crash between this write and the task's, the same question is found again.
        request = RequestKey(task.name, f"asks {task.attempt}.{task.asked}", "")
        return await self._asker.ask(question, request, lambda look: _still(look, task, fence))

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


def refusal(approval: ApprovalRecord) -> FailureRecord:
    """Return why a task fails that asked and had no yes."""
    if approval.state == "EXPIRED":
        return _unanswered(approval)
    return _taken_back(approval) if approval.state == "DISMISSED" else _denied(approval)


def _is_asked_again(approval: ApprovalRecord) -> bool:
    """Tell whether a task that still wants the answer asks anew."""
    if approval.state == "EXPIRED":
        return approval.attempt < MAX_ATTEMPTS
    return approval.state == "DISMISSED" and approval.dismissals < MAX_DISMISSALS


def _still(look: Look, task: TaskRecord, fence: int) -> None:
    """Refuse to ask what a task does not want to know any more. PassStoppedError.

    A process that was paused may have lost the task meanwhile, and nobody would ever take its
    question back.
    """
    current = look.find(TASKS, task.name)
    if current is None or current.state != "ORCHESTRATING" or current.fence > fence:
        raise PassStoppedError(current.state if current else "removed")
    if current.next_question != task.next_question:
        raise PassStoppedError("it asks something else")


def _unanswered(approval: ApprovalRecord) -> FailureRecord:
    """Return why a task fails that nobody answered, however often it asked."""
    times = f"{approval.attempt} times" if approval.attempt > 1 else "once"
    message = (
        f"{approval.title}: it was asked {times} and nobody answered in time. "
        "Retry the task when somebody is there; it asks again."
    )
    return FailureRecord(reason="APPROVAL_EXPIRED", message=message, disposition="PERSON")


def _taken_back(approval: ApprovalRecord) -> FailureRecord:
    """Return why a task fails whose question was taken back again and again."""
    message = (
        f"{approval.title}: it was asked {approval.dismissals + 1} times, and taken back each time "
        "although the task waited. The orchestrator's log says more. Retry the task; it asks again."
    )
    return FailureRecord(reason="INTERNAL", message=message, disposition="INFRASTRUCTURE")


def _denied(approval: ApprovalRecord) -> FailureRecord:
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
