"""The two queues over the wire: listed, edited, watched, and obeyed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from adjutant.common.v1 import queue_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from adjutant.orchestrator.v1 import task_pb2, task_service_pb2
from tests.support.errors import reason_of
from tests.support.gate import Gate, hold_passes
from tests.support.mesh import PROJECT, Caller, mesh_in_process
from tests.support.stores import on_both_stores

FOREGROUND = queue_pb2.TASK_QUEUE_FOREGROUND
BACKGROUND = queue_pb2.TASK_QUEUE_BACKGROUND
PLAN = "- [ ] one\n  run: true\n"


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return hold_passes(monkeypatch)


@pytest.fixture
async def one_slot(gate: Gate, tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[Caller]:
    settings = {"max_concurrent_orchestrations": 1, "reconcile_interval_s": 0.2}
    async with mesh_in_process(tmp_path / "data", **settings, **mesh_store) as mesh:
        yield mesh.caller
        gate.opened.set()


async def _submit(caller: Caller, count: int, queue: int = FOREGROUND) -> list[str]:
    tasks = [await caller.submit(PLAN, queue=queue) for _ in range(count)]
    assert {task.queue for task in tasks} == {queue or FOREGROUND}
    return [task.name for task in tasks]


async def _listed(
    caller: Caller, queue: queue_pb2.TaskQueue = FOREGROUND, page_size: int = 0
) -> list[str]:
    names: list[str] = []
    token = ""
    while True:
        request = pb.ListQueueRequest(
            parent=PROJECT, queue=queue, page_size=page_size, page_token=token
        )
        page = await caller.queues.ListQueue(request)
        names += [task.name for task in page.tasks]
        if not (token := page.next_page_token):
            return names


async def _reorder(caller: Caller, name: str, before: str = "", etag: str = "") -> task_pb2.Task:
    request = pb.ReorderTaskRequest(name=name, before=before, etag=etag)
    return (await caller.queues.ReorderTask(request)).task  # type: ignore[no-any-return]


async def _move(
    caller: Caller, name: str, queue: queue_pb2.TaskQueue, before: str = ""
) -> task_pb2.Task:
    request = pb.MoveTaskRequest(name=name, queue=queue, before=before)
    return (await caller.queues.MoveTask(request)).task  # type: ignore[no-any-return]


async def _refused(call: asyncio.Future[object] | object) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call  # type: ignore[misc]
    return refused.value


@on_both_stores
async def test_a_queue_is_listed_in_order_and_edited(one_slot: Caller) -> None:
    a, b, c, d = await _submit(one_slot, 4)
    x, y = await _submit(one_slot, 2, BACKGROUND)
    assert await _listed(one_slot) == [a, b, c, d], "the one that holds the slot is QUEUED still"
    assert await _listed(one_slot, BACKGROUND, page_size=1) == [x, y]

    await _reorder(one_slot, d, before=b)
    assert await _listed(one_slot) == [a, d, b, c]
    rank = (await _reorder(one_slot, d, before=b)).rank
    assert (await _reorder(one_slot, d, before=b)).rank == rank, "a repeat changes nothing"
    await _reorder(one_slot, d)
    assert await _listed(one_slot, page_size=2) == [a, b, c, d]

    moved = await _move(one_slot, b, BACKGROUND, before=y)
    assert moved.queue == BACKGROUND
    assert await _listed(one_slot, BACKGROUND) == [x, b, y]
    assert (await _move(one_slot, b, BACKGROUND)).rank == moved.rank, "it is there already"
    await _move(one_slot, x, FOREGROUND)
    assert await _listed(one_slot) == [a, c, d, x]


async def test_what_cannot_be_done_says_why(one_slot: Caller, gate: Gate) -> None:
    a, b = await _submit(one_slot, 2)
    (x,) = await _submit(one_slot, 1, BACKGROUND)
    elsewhere = await _refused(_reorder(one_slot, b, before=x))
    assert reason_of(elsewhere) == "NOT_IN_QUEUE"
    missing = await _refused(_reorder(one_slot, b, before=f"{PROJECT}/tasks/missing"))
    assert reason_of(missing) == "NOT_IN_QUEUE"
    itself = await _refused(_reorder(one_slot, b, before=b))
    assert reason_of(itself) == "INVALID_REQUEST"
    stale = await _refused(_reorder(one_slot, b, before=a, etag="999"))
    assert reason_of(stale) == "CONCURRENT_CHANGE"
    other = await _refused(_reorder(one_slot, b, before="clients/acme/projects/other/tasks/t"))
    assert reason_of(other) in ("PERMISSION_DENIED", "INVALID_REQUEST")
    etag = (await one_slot.task(b)).etag
    assert await _reorder(one_slot, b, before=a, etag=etag)

    gate.opened.set()
    await one_slot.finished(a)
    late = await _refused(_reorder(one_slot, a))
    assert reason_of(late) == "ILLEGAL_TRANSITION"
    assert "COMPLETED" in (late.details() or "")
    gone = await _refused(_move(one_slot, b, BACKGROUND, before=a))
    assert reason_of(gone) in ("NOT_IN_QUEUE", "ILLEGAL_TRANSITION")


async def test_tasks_begin_in_the_order_of_their_queues(one_slot: Caller, gate: Gate) -> None:
    first, *foreground = await _submit(one_slot, 7)
    background = await _submit(one_slot, 2, BACKGROUND)
    await _reorder(one_slot, foreground[-1], before=foreground[0])
    await _move(one_slot, background[1], FOREGROUND, before=foreground[0])
    await asyncio.sleep(0.3)  # a reconcile: all of them wait for the slot now
    gate.opened.set()
    for name in (first, *foreground, *background):
        await one_slot.finished(name)
    begun = list(dict.fromkeys(gate.began))
    wanted = [first, foreground[-1], background[1], *foreground[:-1]]
    assert [name for name in begun if name != background[0]] == wanted
    # Passes that go on count too, so it comes after four grants at most since somebody waited.
    assert gate.began.index(background[0]) <= 5


async def test_a_flood_of_foreground_tasks_does_not_starve_the_background(
    gate: Gate, tmp_path: Path
) -> None:
    settings = {"max_concurrent_orchestrations": 1, "foreground_burst": 2}
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:
        flood = await _submit(mesh.caller, 12)
        (waiting,) = await _submit(mesh.caller, 1, BACKGROUND)
        gate.opened.set()
        await mesh.caller.finished(waiting)
        before = gate.began[: gate.began.index(waiting)]
        # One had the slot already; then come two of the foreground, and then it is its turn.
        assert 1 <= len(before) <= 3
        for name in flood:
            await mesh.caller.finished(name)


async def test_a_restart_keeps_the_order(gate: Gate, tmp_path: Path) -> None:
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=1) as mesh:
        a, b, c = await _submit(mesh.caller, 3)
        await _reorder(mesh.caller, c, before=a)
        await _move(mesh.caller, b, BACKGROUND)
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=1) as mesh:
        assert await _listed(mesh.caller) == [c, a]
        assert await _listed(mesh.caller, BACKGROUND) == [b]
        gate.opened.set()
        for name in (a, b, c):
            await mesh.caller.finished(name)


async def test_a_retried_task_joins_the_end(one_slot: Caller, gate: Gate, tmp_path: Path) -> None:
    gate.opened.set()
    task = await one_slot.submit(f"- [ ] flaky\n  run: test -e {tmp_path}/flag\n")
    failed = await one_slot.finished(task.name)
    assert failed.state == states.TASK_STATE_FAILED
    gate.opened.clear()
    later = await _submit(one_slot, 2)
    retried = await one_slot.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    assert retried.task.rank > failed.rank
    assert await _listed(one_slot) == [*later, task.name]


async def test_watching_tells_of_what_enters_moves_and_leaves(one_slot: Caller, gate: Gate) -> None:
    frames = one_slot.queues.WatchQueues(pb.WatchQueuesRequest(parent=PROJECT))
    live = await anext(aiter(frames))
    assert live.frame.HasField("live")
    a, b = await _submit(one_slot, 2)
    await _reorder(one_slot, b, before=a)
    await _move(one_slot, a, BACKGROUND)
    seen: list[event_pb2.Event] = []
    cursors = [live.frame.cursor]

    async def read(stream: object, count: int) -> None:
        async with asyncio.timeout(20):
            async for response in stream:  # type: ignore[attr-defined]
                if response.frame.HasField("event"):
                    seen.append(response.frame.event)
                    cursors.append(response.frame.cursor)
                    if len(seen) == count:
                        return

    await read(frames, 3)
    gate.opened.set()
    for name in (a, b):
        await one_slot.finished(name)
    resumed = pb.WatchQueuesRequest(parent=PROJECT, cursor=cursors[-1])
    await read(one_slot.queues.WatchQueues(resumed), 6)

    said = ["moved" if event.HasField("task_moved") else _transition(event) for event in seen]
    assert said[:4] == ["enters", "enters", "moved", "moved"]
    assert sorted(said[4:]) == ["leaves", "leaves"]
    assert seen[0].task_state_changed.rank < seen[1].task_state_changed.rank
    assert seen[2].task_moved.rank < seen[0].task_state_changed.rank
    assert seen[3].task_moved.previous_queue == FOREGROUND
    assert seen[3].task_moved.queue == BACKGROUND
    assert {e.task_state_changed.queue for e in seen if e.resource == a} >= {BACKGROUND}
    assert len({event.event_id for event in seen}) == 6


def _transition(event: event_pb2.Event) -> str:
    changed = event.task_state_changed
    assert states.TASK_STATE_QUEUED in (changed.state, changed.previous_state)
    return "enters" if changed.state == states.TASK_STATE_QUEUED else "leaves"
