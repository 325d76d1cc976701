"""The nodes at the end of the graph: ask for approval, wait for the answer, commit."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command, interrupt

from adjutant.agent_runner.v1 import run_pb2
from services.mesh.errors import AdjutantError
from services.mesh.names import child, new_id, parent_of
from services.mesh.store import RequestKey, now
from services.orchestrator import approval as approvals
from services.orchestrator.approval import APPROVALS, ApprovalRecord, CommitActionRecord
from services.orchestrator.failure import FailureRecord
from services.orchestrator.graph.ground import WAITING_FOR_USER, Ground, Node, State, count
from services.orchestrator.runspec import commit_action, commit_run_name, commit_spec
from services.orchestrator.steps import summary
from services.orchestrator.task import (
    TASKS,
    CommitRecord,
    Events,
    TaskRecord,
    enter_node,
    move_task,
)


class GitOperations:
    """Commits what a task changed, when a person has approved exactly that."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    async def git_operations(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Ask for approval, commit what was approved, and end the task."""
        task = await self._ground.store.get(TASKS, state["task"])
        if any(step.state == "PENDING" for step in task.steps):
            return Command(goto="execute")  # a message added steps
        if task.commit and task.commit.run_state:
            return await self._finish_commit(state, config)
        if task.repository is None or not task.patches():
            return await self._complete(state, config, "nothing to commit")
        if not task.approval:
            task = await self._ask(state, config, task)
        approval = await self._ground.store.get(APPROVALS, task.approval)
        if approval.state == "PENDING":
            return Command(goto="wait_for_user")
        if approval.state == "APPROVED":
            return await self._commit(state, config, approval)
        return await self._ground.fail(state, config, _denial(approval))

    async def wait_for_user(self, state: State) -> dict[str, Any]:
        """Wait until a person has answered."""
        task = await self._ground.store.get(TASKS, state["task"])
        # A retry after a cancellation starts over without the approval of before.
        approval = await self._ground.store.find(APPROVALS, task.approval)
        if approval and approval.state == "PENDING":
            interrupt({"kind": WAITING_FOR_USER, "approval": approval.name})
        return {}

    async def _ask(self, state: State, config: RunnableConfig, task: TaskRecord) -> TaskRecord:
        approval = await self._make_approval(task)

        def change(current: TaskRecord) -> Events:
            current.approval = approval.name
            return enter_node(current, "GIT_OPERATIONS", f"asks: {approval.title}")

        return await self._ground.change(state, config, change)

    async def _make_approval(self, task: TaskRecord) -> ApprovalRecord:
        action = commit_action(task)
        parent = parent_of(task.name)
        record = ApprovalRecord(
            name=child(parent, "approvals", new_id()),
            create_time=now(),
            update_time=now(),
            task=task.name,
            title=_title(task, action),
            commit=action,
            action_digest=action.digest(),
        )
        events = [approvals.announce_request(record)]
        if task.approval_policy == "APPROVE":
            events += _approved_in_advance(record, task)
        asked = f"{task.name} {task.attempt} {task.inbox.rounds}"
        request = RequestKey(parent, asked, record.action_digest)
        inserted = await self._ground.store.insert(
            APPROVALS, record, events=events, request=request
        )
        return inserted.record

    async def _commit(
        self, state: State, config: RunnableConfig, approval: ApprovalRecord
    ) -> Command[Node]:
        def change(task: TaskRecord) -> Events:
            if not (task.commit and task.commit.run):
                attempt = task.commit.attempt + 1 if task.commit else 1
                task.commit = CommitRecord(attempt=attempt, branch=approval.commit.branch)
                task.commit.run = commit_run_name(task)
            return enter_node(task, "GIT_OPERATIONS", f"commits to {approval.commit.branch}")

        task = await self._ground.change(state, config, change)
        assert task.commit is not None
        spec: run_pb2.RunSpec = commit_spec(task, approval)
        try:
            await self._ground.runner.start(task.commit.run, spec, task.submitter)
        except AdjutantError as refused:
            failure = FailureRecord(reason=refused.reason, message=refused.message)
            return await self._ground.fail(state, config, failure)
        return Command(goto="wait_for_agent")

    async def _finish_commit(self, state: State, config: RunnableConfig) -> Command[Node]:
        task = await self._ground.store.get(TASKS, state["task"])
        assert task.commit is not None
        if task.commit.run_state == "SUCCEEDED":
            return await self._complete(state, config, f"committed {task.commit.sha[:12]}")
        failure = task.commit.failure or FailureRecord(
            reason="COMMIT_FAILED", message=f"The commit's run was {task.commit.run_state}."
        )
        return await self._ground.fail(state, config, failure)

    async def _complete(self, state: State, config: RunnableConfig, message: str) -> Command[Node]:
        def change(task: TaskRecord) -> Events:
            if task.inbox.pending:
                # What came meanwhile is decided on in the same write as the end: none is lost.
                return [*enter_node(task, "GIT_OPERATIONS", message), *move_task(task, "QUEUED")]
            task.partial_success = not all(step.satisfied for step in task.steps)
            said = f"{message}; {summary(task)}" if task.partial_success else message
            return [*enter_node(task, "GIT_OPERATIONS", said), *move_task(task, "COMPLETED")]

        await self._ground.change(state, config, change)
        return Command(goto="__end__")


def _title(task: TaskRecord, action: CommitActionRecord) -> str:
    title = f"Commit {count(len(action.changed_files), 'changed file')} to {action.branch}"
    partial = not all(step.satisfied for step in task.steps)
    return f"{title}, although not all went well: {summary(task)}" if partial else title


def _denial(approval: ApprovalRecord) -> FailureRecord:
    reason = f": {approval.reason}" if approval.reason else "."
    return FailureRecord(
        reason="APPROVAL_DENIED",
        message=f"{approval.title} was {approval.state.lower()}{reason}",
        disposition="PERSON",
    )


def _approved_in_advance(record: ApprovalRecord, task: TaskRecord) -> Events:
    """Approve what the submitter, or the settings of the project, approved before it was asked."""
    if task.inherits_policy:
        return approvals.resolve(record, "APPROVED", "POLICY", "approved by the project's settings")
    reason = "approved when submitted"
    return approvals.resolve(record, "APPROVED", "POLICY", reason, task.submitter)
