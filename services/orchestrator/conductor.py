"""Runs the tasks' graphs: who is run when, by whom, and what wakes a task.

A pass takes a task from where its graph stands to where it waits or ends. It
holds a slot (`max_concurrent_orchestrations`) and the task's lease; a task
that waits for an agent or a person holds neither. Events wake tasks; the
reconcile loop finds those whose event was missed or whose worker is gone.
"""

import asyncio
import logging
from collections import Counter
from datetime import timedelta
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from adjutant.event.v1 import event_pb2
from services.mesh import tasks, telemetry
from services.mesh.errors import AdjutantError
from services.mesh.events.log import TRANSIENT
from services.mesh.lease import Lease, Leases
from services.mesh.names import collection_and_id
from services.mesh.store import Store, now
from services.orchestrator import approval as approvals
from services.orchestrator.adapters.checkpoints import writing_under
from services.orchestrator.adapters.runner import Runner, RunnerUnavailableError
from services.orchestrator.approval import APPROVALS, ApprovalRecord
from services.orchestrator.graph import WAITING_FOR_USER, PassStoppedError
from services.orchestrator.outcome import FINAL, take_in
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.task import (
    TASK_STATES,
    TASKS,
    Events,
    FailureRecord,
    TaskRecord,
    move_step,
    move_task,
)

log = logging.getLogger(__name__)
MAX_SUPERSTEPS: Final = 100_000
MAX_FAILED_PASSES: Final = 5
RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 5.0
LATER: Final = (*TRANSIENT, RunnerUnavailableError)
"""What a pass raises when something is away; it goes on when that is back."""


class Conductor:
    """Drives every task of this process."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        runner: Runner,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        settings: OrchestratorSettings,
    ) -> None:
        self._store = store
        self._leases = leases
        self._runner = runner
        self._graph = graph
        self._settings = settings
        self._slots = asyncio.Semaphore(settings.max_concurrent_orchestrations)
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._closing = False
        self._failures: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()

    def wake(self, name: str) -> None:
        """Have a task looked at soon; many calls at once are one."""
        if self._closing:
            return
        if name in self._driving:
            self._again.add(name)
            return
        task = asyncio.create_task(self._drive(name), name=f"drive {name}")
        self._driving[name] = task
        task.add_done_callback(lambda _: self._drove(name))

    async def close(self) -> None:
        """Stop all passes; each goes on from its last checkpoint at the next start."""
        self._closing = True
        await tasks.end(self._driving.values())

    async def on_run_event(self, event: event_pb2.Event) -> None:
        """Take in the end of a run, and wake its task."""
        if event.task and event.run_state_changed.state in FINAL:
            await self._take_in(event.task, event.resource)

    async def on_approval_event(self, event: event_pb2.Event) -> None:
        """Wake the task whose approval was decided."""

        def change(task: TaskRecord) -> Events | None:
            if task.approval != event.resource or TASK_STATES.is_final(task.state):
                return None
            task.wake = True
            return []

        if await self._store.find(TASKS, event.task) is None:
            log.info("approval %s belongs to no task of ours", event.resource)
            return
        await self._store.update(TASKS, event.task, change)
        self.wake(event.task)

    async def reconcile_forever(self) -> None:
        """Find tasks that nobody works on although somebody should."""
        # At the start everything is asked for: the news may have come when nobody was here.
        check_age_s = 0.0
        while True:
            try:
                await self._reconcile(check_age_s)
                check_age_s = self._settings.run_check_age_s
            except LATER as error:
                log.warning("reconcile waits: %s", error)
            await asyncio.sleep(self._settings.reconcile_interval_s)

    async def _reconcile(self, check_age_s: float) -> None:
        unfinished = {"state": ("QUEUED", "ORCHESTRATING", "CANCELLING")}
        async for task in self._store.scan(TASKS, unfinished):
            self.wake(task.name)
        oldest = now() - timedelta(seconds=check_age_s)
        waiting = {"state": ("WAITING_FOR_AGENT", "WAITING_FOR_USER")}
        async for task in self._store.scan(TASKS, waiting):
            if task.wake:
                self.wake(task.name)
            elif task.news_time < oldest:
                await self._check(task)

    async def _check(self, task: TaskRecord) -> None:
        """Ask for what should have been told."""
        for run in task.active_runs():
            await self._take_in(task.name, run)
        if task.state == "WAITING_FOR_USER" and task.approval:
            approval = await self._store.get(APPROVALS, task.approval)
            if approval.state != "PENDING":
                await self._store.update(TASKS, task.name, _set_wake)
                self.wake(task.name)

    async def _take_in(self, name: str, run_name: str) -> None:
        run = await self._runner.get(run_name)
        most = self._settings.max_infrastructure_attempts

        def change(task: TaskRecord) -> Events | None:
            before = task.news_time
            events = take_in(task, run_name, run, most)
            stale = now() - before > timedelta(seconds=self._settings.run_check_age_s / 2)
            return [] if events is None and stale else events

        if await self._store.find(TASKS, name) is None:
            log.info("run %s belongs to no task of ours", run_name)
            return
        task = await self._store.update(TASKS, name, change)
        if task.wake:
            self.wake(name)

    def _drove(self, name: str) -> None:
        del self._driving[name]
        if name in self._again:
            self._again.discard(name)
            self.wake(name)

    async def _drive(self, name: str) -> None:
        """Work on a task until it waits, ends, or somebody else has it."""
        while True:
            try:
                async with self._slots, self._leases.held(_lease_key(name)) as lease:
                    if lease:
                        await self._go_on(name, lease)
                self._failures.pop(name, None)
                return
            except Exception as error:
                self._failures[name] += 1
                delay_s = min(RETRY_S * 2.0 ** (self._failures[name] - 1), MAX_RETRY_S)
                if _is_transient(error):
                    log.warning("%s goes on in %.1f s: %s", name, delay_s, error)
                else:
                    self._faults[name] += 1
                    log.exception("a pass of %s failed", name)
                await asyncio.sleep(delay_s)

    async def _go_on(self, name: str, lease: Lease) -> None:
        if self._faults[name] >= MAX_FAILED_PASSES:
            return await self._give_up(name, lease)
        await self._work(name, lease)
        self._faults.pop(name, None)
        return None

    async def _work(self, name: str, lease: Lease) -> None:
        while True:
            task = await self._store.update(TASKS, name, _begin, fence=lease.token)
            if task.state == "CANCELLING":
                return await self._end(task, lease)
            if task.state != "ORCHESTRATING":
                return None
            try:
                with telemetry.span("orchestrate", task.trace), writing_under(lease):
                    waiting_for = await self._advance(task, lease)
            except PassStoppedError:
                continue

            def rest(task: TaskRecord, waiting_for: str = waiting_for) -> Events | None:
                if task.wake or task.state != "ORCHESTRATING":
                    return None
                return move_task(task, waiting_for)

            task = await self._store.update(TASKS, name, rest, fence=lease.token)
            if task.state not in ("ORCHESTRATING", "CANCELLING"):
                return None

    async def _advance(self, task: TaskRecord, lease: Lease) -> str:
        """Run the graph from where it stands, and return the state it then waits in."""
        config: RunnableConfig = {
            "configurable": {"thread_id": task.name, "fence": lease.token},
            "recursion_limit": MAX_SUPERSTEPS,
        }
        snapshot = await self._graph.aget_state(config)
        step: Any = None  # goes on where a crash cut it off
        if snapshot.interrupts:
            step = Command(resume={interrupt.id: True for interrupt in snapshot.interrupts})
        elif not snapshot.next:
            step = {"task": task.name, "started": []}
        result = await self._graph.ainvoke(step, config, durability="sync")
        kinds = {interrupt.value["kind"] for interrupt in result.get("__interrupt__", ())}
        return "WAITING_FOR_USER" if WAITING_FOR_USER in kinds else "WAITING_FOR_AGENT"

    async def _end(self, task: TaskRecord, lease: Lease) -> None:
        """End everything of a cancelled task; it is CANCELLED when none of its runs is left."""
        await self._stop_work(task)

        def change(current: TaskRecord) -> Events | None:
            if current.state != "CANCELLING" or current.active_runs():
                return None
            events: Events = []
            for step in current.steps:
                if step.state == "PENDING":
                    events += move_step(current, step, "CANCELLED")
            return [*events, *move_task(current, "CANCELLED")]

        await self._store.update(TASKS, task.name, change, fence=lease.token)

    async def _stop_work(self, task: TaskRecord) -> None:
        """Dismiss what a task asks and ask its runs to end; take in those that have."""
        # Also one that was asked for just when the task was cancelled, which it does not know of.
        asked = {"task": (task.name,), "state": ("PENDING",)}
        async for approval in self._store.scan(APPROVALS, asked):
            await self._store.update(APPROVALS, approval.name, _dismiss)
        for name in task.active_runs():
            run = await self._runner.cancel(name)
            if run.state in FINAL:
                await self._take_in(task.name, name)

    async def _give_up(self, name: str, lease: Lease) -> None:
        """Fail a task whose passes keep failing, when nothing of it goes on any more."""
        await self._stop_work(await self._store.get(TASKS, name))
        message = "The orchestrator could not go on with it; its log says why. Retry the task."
        failure = FailureRecord(reason="INTERNAL", message=message, disposition="INFRASTRUCTURE")

        def change(task: TaskRecord) -> Events | None:
            if task.state != "ORCHESTRATING" or task.active_runs():
                return None
            return move_task(task, "FAILED", failure)

        task = await self._store.update(TASKS, name, change, fence=lease.token)
        if task.state == "FAILED":
            del self._faults[name]


def _is_transient(error: Exception) -> bool:
    """Tell whether the same pass may succeed later; anything else is a fault of ours."""
    if isinstance(error, AdjutantError):
        return error.reason in ("STALE_FENCE", "CONCURRENT_CHANGE", "EVENT_LOG_UNAVAILABLE")
    return isinstance(error, LATER)


def _begin(task: TaskRecord) -> Events | None:
    if task.state in ("CANCELLING",) or TASK_STATES.is_final(task.state):
        return None
    if task.state in ("WAITING_FOR_AGENT", "WAITING_FOR_USER") and not task.wake:
        return None
    task.wake = False
    return move_task(task, "ORCHESTRATING") if task.state != "ORCHESTRATING" else []


def _set_wake(task: TaskRecord) -> Events | None:
    task.wake = True
    return []


def _dismiss(approval: ApprovalRecord) -> Events | None:
    if approval.state != "PENDING":
        return None
    return approvals.resolve(approval, "DISMISSED", "UNSPECIFIED", "the task has ended")


def _lease_key(name: str) -> str:
    return f"task.{collection_and_id(name)[1]}"
