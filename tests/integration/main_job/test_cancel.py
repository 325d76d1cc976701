"""Cancelling has a receipt: CANCELLED means that no process is left."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import approval_service_pb2, task_service_pb2
from services.mesh.events import Relay
from services.mesh.store import OutboxEntry
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.asking import Asker, Question
from tests.support.mesh import PROJECT, Caller

_ENDED = (run_states.RUN_STATE_CANCELLED, run_states.RUN_STATE_SUCCEEDED)
_RUN = event_pb2.EVENT_KIND_RUN_STATE_CHANGED
# Children of every kind: in the background, ignoring SIGTERM, with a child of its own.
PLAN = """- [ ] busy
  ```sh
  echo $$ >> {pids}
  (trap '' TERM; echo $(exec sh -c 'echo $PPID') >> {pids}; sleep 300) &
  sh -c 'echo $$ >> {pids}; sleep 300 & echo $! >> {pids}; wait' &
  sleep 300 & echo $! >> {pids}
  touch {ready}
  wait
  ```
"""


async def test_cancelling_leaves_no_process_of_the_task_behind(
    caller: Caller, tmp_path: Path
) -> None:
    pids, ready = tmp_path / "pids", tmp_path / "ready"
    task = await caller.submit(PLAN.format(pids=pids, ready=ready))
    async with asyncio.timeout(20):
        while not ready.exists():
            await asyncio.sleep(0.05)
    run = await caller.run((await caller.task(task.name)).steps[0].run)
    group = run.process_group
    assert group > 0
    assert len(processes_in(group)) >= 4

    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await caller.until(task.name, states.TASK_STATE_CANCELLED, timeout_s=30)

    assert processes_in(group) == []
    left = [int(pid) for pid in pids.read_text().split() if psutil.pid_exists(int(pid))]
    assert left == []
    ended = await caller.run(run.name)
    assert ended.state == run_states.RUN_STATE_CANCELLED
    assert ended.end_time.ToDatetime() <= (await caller.task(task.name)).end_time.ToDatetime()


async def test_cancelling_at_any_moment_ends_in_cancelled(caller: Caller) -> None:
    for pause_s in (0, 0.005, 0.02, 0.05, 0.1, 0.2):
        task = await caller.submit("- [ ] a\n  run: sleep 100\n- [ ] b\n  run: sleep 100\n")
        await asyncio.sleep(pause_s)
        await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
        ended = await caller.until(task.name, states.TASK_STATE_CANCELLED, timeout_s=30)
        assert {step.state for step in ended.steps} <= {states.STEP_STATE_CANCELLED}
        for step in ended.steps:
            if step.run:
                assert (await caller.run(step.run)).state == run_states.RUN_STATE_CANCELLED


async def test_nothing_is_told_of_a_task_after_its_receipt(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = Relay._publish

    async def late(relay: Relay, entries: Sequence[OutboxEntry]) -> None:
        if any(entry.event.HasField("run_state_changed") for entry in entries):
            await asyncio.sleep(1)  # the agent runner's events are slow to come
        await publish(relay, entries)

    task = await caller.submit("- [ ] a\n  run: sleep 0.5\n")
    waiting = await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    monkeypatch.setattr(Relay, "_publish", late)
    async with asyncio.timeout(20):
        while (await caller.run(waiting.steps[0].run)).state not in _ENDED:
            await asyncio.sleep(0.01)
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await _ends_with_its_receipt(caller, task.name)


async def _ends_with_its_receipt(caller: Caller, task: str) -> None:
    """Require that nothing of a task is told after it is CANCELLED, the ends of its runs too."""
    request = subscription_service_pb2.SubscribeRequest(parent=PROJECT, from_start=True)
    told: list[event_pb2.Event] = []
    async with asyncio.timeout(20):
        async for response in caller.subscriptions.Subscribe(request):
            if response.frame.event.task == task:
                told.append(response.frame.event)
            if _are_over(told):
                break
    receipt = [event.task_state_changed.state for event in told].index(states.TASK_STATE_CANCELLED)
    assert receipt == len(told) - 1


def _are_over(told: list[event_pb2.Event]) -> bool:
    """Tell whether the task and each of its runs that was told of has ended."""
    runs = {event.resource: event.run_state_changed.state for event in told if event.kind == _RUN}
    ended = states.TASK_STATE_CANCELLED in [event.task_state_changed.state for event in told]
    return ended and set(runs.values()) <= set(_ENDED)


async def test_cancelling_just_when_a_person_is_asked_leaves_no_question_open(
    caller: Caller, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Asker.ask

    async def ask_and_cancel(asker: Asker, question: Question, *rest: Any) -> ApprovalRecord:
        made = await ask(asker, question, *rest)
        await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
        return made

    monkeypatch.setattr(Asker, "ask", ask_and_cancel)
    task = await caller.submit("- [ ] a\n  run: echo a > a.txt\n", repo)
    assert (await caller.finished(task.name)).state == states.TASK_STATE_CANCELLED
    request = approval_service_pb2.ListApprovalsRequest(parent=PROJECT)
    asked = (await caller.approvals.ListApprovals(request)).approvals
    assert [a.state for a in asked] == [approval_states.APPROVAL_STATE_DISMISSED]


def processes_in(group: int) -> list[int]:
    found = []
    for pid in psutil.pids():
        try:
            if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return found
