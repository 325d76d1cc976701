"""The node at the end of the graph: have a person approve the commit, and make it."""

from langchain_core.runnables import RunnableConfig
from langgraph.types import Command

from adjutant.agent_runner.v1 import run_pb2
from services.mesh.errors import AdjutantError
from services.orchestrator.approvals.action import Action, CommitActionRecord
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.escalation import breaking_merge, is_breaking
from services.orchestrator.graph.asking import Asking, refusal
from services.orchestrator.graph.ground import Ground, Node, State, count
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.runspec import commit_action, commit_run_name, commit_spec
from services.orchestrator.tasks.steps import summary
from services.orchestrator.tasks.task import (
    TASKS,
    CommitRecord,
    Events,
    TaskRecord,
    enter_node,
    move_task,
)


class GitOperations:
    """Commits what a task changed, when a person has approved exactly that."""

    def __init__(self, ground: Ground, asking: Asking) -> None:
        self._ground = ground
        self._asking = asking

    async def git_operations(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Ask for approval, commit what was approved, and end the task."""
        task = await self._ground.store.get(TASKS, state["task"])
        if any(step.state == "PENDING" for step in task.steps):
            return Command(goto="evaluate")  # a message added steps
        if task.commit and task.commit.run_state:
            return await self._finish_commit(state, config)
        if task.repository is None or not task.patches():
            return await self._complete(state, config, "nothing to commit")
        approval = await self._asking.answer(state, config, "GIT_OPERATIONS", _question)
        if approval.state == "PENDING":
            return Command(goto="wait_for_user")
        if approval.state == "APPROVED":
            return await self._commit(state, config, approval)
        return await self._ground.fail(state, config, refusal(approval))

    async def _commit(
        self, state: State, config: RunnableConfig, approval: ApprovalRecord
    ) -> Command[Node]:
        assert approval.commit is not None
        branch = approval.commit.branch

        def change(task: TaskRecord) -> Events:
            if not (task.commit and task.commit.run):
                attempt = task.commit.attempt + 1 if task.commit else 1
                task.commit = CommitRecord(attempt=attempt, branch=branch)
                task.commit.run = commit_run_name(task)
            return enter_node(task, "GIT_OPERATIONS", f"commits to {branch}")

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


def _question(task: TaskRecord) -> tuple[str, Action]:
    """Return what is asked before a commit."""
    action = commit_action(task)
    title = _title(task, action)
    return breaking_merge(title, action) if is_breaking(task) else (title, action)


def _title(task: TaskRecord, action: CommitActionRecord) -> str:
    title = f"Commit {count(len(action.changed_files), 'changed file')} to {action.branch}"
    partial = not all(step.satisfied for step in task.steps)
    return f"{title}, although not all went well: {summary(task)}" if partial else title
