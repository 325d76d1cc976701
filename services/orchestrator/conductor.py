"""Runs the tasks' graphs: who is run when, by whom, and what wakes a task.

A pass takes a task from where its graph stands to where it waits or ends. It
holds a slot (`max_concurrent_orchestrations`) and the task's lease; a task
that waits for an agent or a person holds neither. Events wake tasks; the
reconcile loop finds those whose event was missed or whose worker is gone.
"""

import asyncio
import logging
from collections import Counter
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from services.mesh import tasks, telemetry
from services.mesh.errors import AdjutantError
from services.mesh.events.log import TRANSIENT
from services.mesh.lease import Lease, Leases
from services.mesh.names import collection_and_id
from services.mesh.store import Store
from services.orchestrator.adapters.checkpoints import writing_under
from services.orchestrator.adapters.runner import RunnerUnavailableError
from services.orchestrator.ending import Ending
from services.orchestrator.graph import WAITING_FOR_USER, PassStoppedError
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.task import (
    TASK_STATES,
    TASKS,
    Events,
    TaskRecord,
    move_task,
)

log = logging.getLogger(__name__)
MAX_SUPERSTEPS: Final = 100_000
MAX_FAILED_PASSES: Final = 5
RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 5.0
TRANSIENT_REASONS: Final = (
    "STALE_FENCE",
    "CONCURRENT_CHANGE",
    "EVENT_LOG_UNAVAILABLE",
    "STORE_UNAVAILABLE",
)
LATER: Final = (*TRANSIENT, RunnerUnavailableError)
"""What a pass raises when something is away; it goes on when that is back."""


class Conductor:
    """Drives every task of this process."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        ending: Ending,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        settings: OrchestratorSettings,
    ) -> None:
        self._store = store
        self._leases = leases
        self._ending = ending
        self._graph = graph
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
            if (await self._ending.give_up(name, lease)).state == "FAILED":
                self._faults.pop(name, None)
            return
        await self._work(name, lease)
        self._faults.pop(name, None)

    async def _work(self, name: str, lease: Lease) -> None:
        while True:
            task = await self._store.update(TASKS, name, _begin, fence=lease.token)
            if task.state == "CANCELLING":
                return await self._ending.cancel(task, lease)
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


def _is_transient(error: Exception) -> bool:
    """Tell whether the same pass may succeed later; anything else is a fault of ours."""
    if isinstance(error, AdjutantError):
        return error.reason in TRANSIENT_REASONS
    return isinstance(error, LATER)


def _begin(task: TaskRecord) -> Events | None:
    if task.state in ("CANCELLING",) or TASK_STATES.is_final(task.state):
        return None
    if task.state in ("WAITING_FOR_AGENT", "WAITING_FOR_USER") and not task.wake:
        return None
    task.wake = False
    return move_task(task, "ORCHESTRATING") if task.state != "ORCHESTRATING" else []


def _lease_key(name: str) -> str:
    return f"task.{collection_and_id(name)[1]}"
