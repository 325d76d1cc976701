"""Runs the tasks' graphs: who is run when, by whom, and what wakes a task.

A pass takes a task from where its graph stands to where it waits or ends. It
holds a slot (`max_concurrent_orchestrations`, see `slots.py`) and the task's lease; a task
that waits for an agent or a person holds neither. It begins with the messages that came
to the task; those that come meanwhile have it QUEUED again at the pass's end. Events wake
tasks; the reconcile loop finds those whose event was missed or whose worker is gone.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command

from services.mesh import tasks, telemetry
from services.mesh.errors import AdjutantError
from services.mesh.events.log import TRANSIENT
from services.mesh.lease import Lease, Leases
from services.mesh.names import collection_and_id
from services.mesh.store import Look, Store
from services.orchestrator.adapters.checkpoints import writing_under
from services.orchestrator.adapters.runner import RunnerUnavailableError
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.ending import Ending
from services.orchestrator.graph import WAITING_FOR_USER, PassStoppedError
from services.orchestrator.messages.handover import can_hand_over, discard, hand_over
from services.orchestrator.messages.messages import Messages
from services.orchestrator.plans.plan import Plan
from services.orchestrator.queues.queues import place_of
from services.orchestrator.queues.slots import Place, Slots
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.task import (
    TASK_STATES,
    TASKS,
    Events,
    TaskRecord,
    move_task,
)

log = logging.getLogger(__name__)
MAX_SUPERSTEPS: Final = 100_000
MAX_FAILED_PASSES: Final = 5
LOOK_AGAIN_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0)
"""Seconds between looks at a task that another replica has, before it is left to the reconcile."""
RETRY_S: Final = 0.2
MAX_RETRY_S: Final = 5.0
WANTED: Final = ("QUEUED", "ORCHESTRATING", "CANCELLING")
"""States of tasks that somebody should work on."""
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
        messages: Messages,
    ) -> None:
        self._store = store
        self._leases = leases
        self._ending = ending
        self._graph = graph
        self._messages = messages
        self._slots = Slots(
            settings.max_concurrent_orchestrations, settings.foreground_burst, self._look
        )
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

    def place(self, task: TaskRecord) -> None:
        """Note where a task stands in its queue, should it wait for a slot here."""
        self._slots.place(place_of(task))

    async def close(self) -> None:
        """Stop all passes; each goes on from its last checkpoint at the next start."""
        self._closing = True
        await tasks.end(self._driving.values())

    async def _look(self, name: str) -> Place | None:
        task = await self._store.find(TASKS, name)
        return place_of(task) if task else None

    def _drove(self, name: str) -> None:
        del self._driving[name]
        if name in self._again:
            self._again.discard(name)
            self.wake(name)

    async def _drive(self, name: str) -> None:
        """Work on a task until it waits, ends, or somebody else has it."""
        looks = iter(LOOK_AGAIN_S)
        while True:
            try:
                async with self._slots.held(name), self._leases.held(_lease_key(name)) as lease:
                    if lease:
                        log.info("%s is worked on here", name)
                        await self._go_on(name, lease)
                self._failures.pop(name, None)
                # Who has it may be about to give it back, and not know what we were woken for.
                pause_s = None if lease else next(looks, None)
                if pause_s is None or not await self._is_wanted(name):
                    return
                await asyncio.sleep(pause_s)
            except Exception as error:
                self._failures[name] += 1
                delay_s = min(RETRY_S * 2.0 ** (self._failures[name] - 1), MAX_RETRY_S)
                if _is_transient(error):
                    log.warning("%s goes on in %.1f s: %s", name, delay_s, error)
                else:
                    self._faults[name] += 1
                    log.exception("a pass of %s failed", name)
                await asyncio.sleep(delay_s)

    async def _is_wanted(self, name: str) -> bool:
        """Tell whether somebody should work on a task now."""
        task = await self._store.find(TASKS, name)
        return task is not None and (task.wake or task.state in WANTED)

    async def _go_on(self, name: str, lease: Lease) -> None:
        if self._faults[name] >= MAX_FAILED_PASSES:
            if (await self._ending.give_up(name, lease)).state == "FAILED":
                self._faults.pop(name, None)
            return
        await self._work(name, lease)
        self._faults.pop(name, None)

    async def _work(self, name: str, lease: Lease) -> None:
        while True:
            texts, plan = await self._messages.read(name)
            guard = (lambda look: _nobody_asks(look, name)) if texts else None
            task = await self._store.update(
                TASKS,
                name,
                lambda task, texts=texts, plan=plan: _begin(task, texts, plan),  # type: ignore[misc]
                fence=lease.token,
                guard=guard,
            )
            task = await self._messages.settle(task, lease.token)
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
                if task.state != "ORCHESTRATING":
                    return None
                if can_hand_over(task):
                    return move_task(task, "QUEUED")
                if task.wake:
                    return None
                return move_task(task, waiting_for)

            task = await self._store.update(TASKS, name, rest, fence=lease.token)
            if task.state == "QUEUED":  # with a message; it takes its turn for the next pass
                return self.wake(name)
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


def _nobody_asks(look: Look, name: str) -> None:
    """See to it that who was paused while it asked for a task has asked by now, or never will.

    Looking is enough: a store without transactions holds the look up until that is certain. The
    settlement of the messages takes back what was asked, and would not find what comes later.
    """
    task = look.find(TASKS, name)
    if task:
        look.find(APPROVALS, task.next_question)


def _begin(task: TaskRecord, texts: Mapping[str, str], plan: Plan | None) -> Events | None:
    """Begin a pass; `texts` are those of the messages that add steps."""
    if TASK_STATES.is_final(task.state):
        return None
    if task.state == "CANCELLING":
        return discard(task) or None
    if task.state in ("WAITING_FOR_AGENT", "WAITING_FOR_USER") and not task.wake:
        return None
    task.passes += 1
    events = move_task(task, "ORCHESTRATING") if task.state != "ORCHESTRATING" else []
    events += hand_over(task, texts, plan)
    task.wake = can_hand_over(task)
    return events


def _lease_key(name: str) -> str:
    return f"task.{collection_and_id(name)[1]}"
