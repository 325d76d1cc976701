"""The graph that every task goes through, on LangGraph.

    decompose → plan → execute → wait_for_agent → evaluate → git_operations
                          ↑___________________________|      ↕ wait_for_user

The task record says how far each step is; the checkpoint says where in the
graph the task is. Every node may run twice (a crash comes between its work and
its checkpoint), so each reads the record and does only what is missing.

Waiting is one interrupt over all runs that are under way, and any of them
ends it. A branch of its own per step (`Send`) would hold a step back until
every other one of the same superstep has ended.
"""

import logging
from collections.abc import Callable
from typing import Any, Final, Literal, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from adjutant.agent_runner.v1 import run_pb2
from services.mesh.errors import AdjutantError
from services.mesh.names import child, new_id, parent_of
from services.mesh.store import RequestKey, Store, now
from services.orchestrator import approval as approvals
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approval import APPROVALS, ApprovalRecord
from services.orchestrator.plan import parse_plan
from services.orchestrator.runspec import (
    commit_action,
    commit_run_name,
    commit_spec,
    step_run_name,
    step_spec,
)
from services.orchestrator.task import (
    TASKS,
    CommitRecord,
    Events,
    FailureRecord,
    StepRecord,
    TaskRecord,
    adopt_plan,
    enter_node,
    move_step,
    move_task,
    ready_steps,
    skip_unreachable,
)

log = logging.getLogger(__name__)
WAITING_FOR_AGENT: Final = "waiting_for_agent"
WAITING_FOR_USER: Final = "waiting_for_user"
Change = Callable[[TaskRecord], Events | None]
Node = Literal["execute", "wait_for_agent", "git_operations", "wait_for_user", "__end__"]


class PassStoppedError(Exception):
    """The task is no longer being orchestrated (it was cancelled); the pass ends here."""


class State(TypedDict):
    """What a checkpoint holds: references only, never payloads."""

    task: str
    """Name of the task."""
    started: list[str]
    """Names of the runs under way that the agent runner has accepted."""


class TaskGraph:
    """The nodes, on the orchestrator's parts."""

    def __init__(self, store: Store, runner: Runner) -> None:
        self._store = store
        self._runner = runner

    def compile(
        self, saver: BaseCheckpointSaver[str]
    ) -> CompiledStateGraph[State, Any, State, State]:
        """Return the graph, checkpointed by the saver."""
        graph = StateGraph(State)
        for node in (self.decompose, self.plan, self.execute, self.evaluate, self.git_operations):
            graph.add_node(node.__name__, node)
        graph.add_node("wait_for_agent", self.wait_for_agent)
        graph.add_node("wait_for_user", self.wait_for_user)
        graph.add_edge(START, "decompose")
        graph.add_edge("decompose", "plan")
        graph.add_edge("plan", "execute")
        graph.add_edge("execute", "wait_for_agent")
        graph.add_edge("wait_for_agent", "evaluate")
        graph.add_edge("wait_for_user", "git_operations")
        return graph.compile(checkpointer=saver)

    async def decompose(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Find the goals."""

        def change(task: TaskRecord) -> Events:
            task.goals = task.goals or parse_plan(task.instructions, task.title).goals
            return enter_node(task, "DECOMPOSE", f"found {_count(len(task.goals), 'goal')}")

        await self._change(state, config, change)
        return {"started": []}

    async def plan(self, state: State, config: RunnableConfig) -> dict[str, Any]:
        """Find the steps and their order."""

        def change(task: TaskRecord) -> Events:
            if not task.steps:
                adopt_plan(task, parse_plan(task.instructions, task.title))
            return enter_node(task, "PLAN", f"planned {_count(len(task.steps), 'step')}")

        await self._change(state, config, change)
        return {}

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
                step.attempt += 1
                step.run = step_run_name(task, step)
                events += move_step(task, step, "RUNNING")
            titles = ", ".join(step.title for step in ready)
            return [*enter_node(task, "EXECUTE", f"starts {titles}"[:200]), *events]

        task = await self._change(state, config, change)
        for step in task.steps:
            if step.state == "RUNNING" and step.run not in state["started"]:
                await self._start_step(state, config, task, step)
        return {"started": task.active_runs()}

    async def wait_for_agent(self, state: State) -> dict[str, Any]:
        """Wait until one of the runs under way has ended."""
        task = await self._store.get(TASKS, state["task"])
        if runs := task.active_runs():
            interrupt({"kind": WAITING_FOR_AGENT, "runs": runs})
        return {}

    async def evaluate(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Take in what the runs brought, and decide how to go on."""

        def change(task: TaskRecord) -> Events:
            events = skip_unreachable(task)
            done = sum(step.satisfied for step in task.steps)
            message = f"{done} of {_count(len(task.steps), 'step')} done"
            events += enter_node(task, "EVALUATE", message)
            if _is_stuck(task):
                events += move_task(task, "FAILED", _step_failure(task))
            return events

        task = await self._change(state, config, change)
        if task.state == "FAILED":
            return Command(goto="__end__")
        if ready_steps(task):
            return Command(goto="execute")
        if task.active_runs():
            return Command(goto="wait_for_agent")
        return Command(goto="git_operations")

    async def git_operations(self, state: State, config: RunnableConfig) -> Command[Node]:
        """Ask for approval, commit what was approved, and end the task."""
        task = await self._store.get(TASKS, state["task"])
        if task.commit and task.commit.run_state:
            return await self._finish_commit(state, config)
        if task.repository is None or not task.patches():
            return await self._complete(state, config, "nothing to commit")
        if not task.approval:
            task = await self._ask(state, config, task)
        approval = await self._store.get(APPROVALS, task.approval)
        if approval.state == "PENDING":
            return Command(goto="wait_for_user")
        if approval.state == "APPROVED":
            return await self._commit(state, config, approval)
        return await self._fail(state, config, _denial(approval))

    async def wait_for_user(self, state: State) -> dict[str, Any]:
        """Wait until a person has answered."""
        task = await self._store.get(TASKS, state["task"])
        # A retry after a cancellation starts over without the approval of before.
        approval = await self._store.find(APPROVALS, task.approval)
        if approval and approval.state == "PENDING":
            interrupt({"kind": WAITING_FOR_USER, "approval": approval.name})
        return {}

    async def _start_step(
        self, state: State, config: RunnableConfig, task: TaskRecord, step: StepRecord
    ) -> None:
        try:
            await self._runner.start(step.run, step_spec(task, step), task.submitter)
        except AdjutantError as refused:
            failure = FailureRecord(reason=refused.reason, message=refused.message)

            def change(current: TaskRecord) -> Events:
                failed = current.step_of_run(step.run)
                assert failed is not None
                return move_step(current, failed, "FAILED", failure)

            await self._change(state, config, change)

    async def _ask(self, state: State, config: RunnableConfig, task: TaskRecord) -> TaskRecord:
        approval = await self._make_approval(task)

        def change(current: TaskRecord) -> Events:
            current.approval = approval.name
            return enter_node(current, "GIT_OPERATIONS", f"asks: {approval.title}")

        return await self._change(state, config, change)

    async def _make_approval(self, task: TaskRecord) -> ApprovalRecord:
        action = commit_action(task)
        parent = parent_of(task.name)
        record = ApprovalRecord(
            name=child(parent, "approvals", new_id()),
            create_time=now(),
            update_time=now(),
            task=task.name,
            title=f"Commit {_count(len(action.changed_files), 'changed file')} to {action.branch}",
            commit=action,
            action_digest=action.digest(),
        )
        events = [approvals.announce_request(record)]
        if task.approval_policy == "APPROVE":
            events += _approved_in_advance(record, task)
        request = RequestKey(parent, f"{task.name} {task.attempt}", record.action_digest)
        inserted = await self._store.insert(APPROVALS, record, events=events, request=request)
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

        task = await self._change(state, config, change)
        assert task.commit is not None
        spec: run_pb2.RunSpec = commit_spec(task, approval)
        try:
            await self._runner.start(task.commit.run, spec, task.submitter)
        except AdjutantError as refused:
            failure = FailureRecord(reason=refused.reason, message=refused.message)
            return await self._fail(state, config, failure)
        return Command(goto="wait_for_agent")

    async def _finish_commit(self, state: State, config: RunnableConfig) -> Command[Node]:
        task = await self._store.get(TASKS, state["task"])
        assert task.commit is not None
        if task.commit.run_state == "SUCCEEDED":
            return await self._complete(state, config, f"committed {task.commit.sha[:12]}")
        failure = task.commit.failure or FailureRecord(
            reason="COMMIT_FAILED", message=f"The commit's run was {task.commit.run_state}."
        )
        return await self._fail(state, config, failure)

    async def _complete(self, state: State, config: RunnableConfig, message: str) -> Command[Node]:
        def change(task: TaskRecord) -> Events:
            return [*enter_node(task, "GIT_OPERATIONS", message), *move_task(task, "COMPLETED")]

        await self._change(state, config, change)
        return Command(goto="__end__")

    async def _fail(
        self, state: State, config: RunnableConfig, failure: FailureRecord
    ) -> Command[Node]:
        await self._change(state, config, lambda task: move_task(task, "FAILED", failure))
        return Command(goto="__end__")

    async def _change(self, state: State, config: RunnableConfig, change: Change) -> TaskRecord:
        """Change the task, unless it is no longer ours to change."""

        def guarded(task: TaskRecord) -> Events | None:
            if task.state != "ORCHESTRATING":
                raise PassStoppedError(task.state)
            return change(task)

        fence: int = config["configurable"]["fence"]
        return await self._store.update(TASKS, state["task"], guarded, fence=fence)


def _is_stuck(task: TaskRecord) -> bool:
    """Tell whether nothing runs, nothing can start, and not everything is done."""
    open_work = ready_steps(task) or task.active_runs()
    return not open_work and not all(step.satisfied for step in task.steps)


def _step_failure(task: TaskRecord) -> FailureRecord:
    failed = next((step for step in task.steps if step.state in ("FAILED", "CANCELLED")), None)
    if failed is None:
        return FailureRecord(reason="STEP_FAILED", message="No step could be started.")
    why = failed.failure.message if failed.failure else f"its run was {failed.state}"
    message = f"Step {failed.number} {failed.title!r} failed: {why}"
    return FailureRecord(reason="STEP_FAILED", message=message)


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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
