"""The typed client on queues and messages."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adjutant_messages.adjutant.common.v1 import TaskMessageState, TaskQueue
from services.client import Adjutant, InvalidRequestError, PreconditionError
from tests.support.gate import Gate, hold_passes
from tests.support.identities import owner_token
from tests.support.mesh import mesh_in_process

PLAN = "- [ ] one\n  run: true\n"


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return hold_passes(monkeypatch)


@pytest.fixture
async def adjutant(gate: Gate, tmp_path: Path) -> AsyncIterator[Adjutant]:
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=1) as mesh:
        address = f"orchestrator=127.0.0.1:{mesh.port_base + 1}"
        token = owner_token(mesh.data_dir)
        async with Adjutant(address, client="acme", project="web", token=token) as adjutant:
            yield adjutant
        gate.opened.set()


async def test_queues_are_listed_edited_and_watched(adjutant: Adjutant) -> None:
    tasks = [await adjutant.tasks.submit(PLAN, title=title) for title in "abc"]
    a, b, c = (task.name for task in tasks)
    assert [task.name async for task in adjutant.queues.list(page_size=2)] == [a, b, c]
    seen = []
    async with contextlib.aclosing(adjutant.queues.watch()) as frames:
        async for frame in frames:
            if frame.live is not None:
                await adjutant.queues.reorder(c, before=a)
                await adjutant.queues.move(b, TaskQueue.BACKGROUND)
            if frame.event is not None and frame.event.task_moved is not None:
                seen.append((frame.event.resource, frame.event.task_moved.queue))
                if len(seen) == 2:
                    break
    assert seen == [(c, TaskQueue.FOREGROUND), (b, TaskQueue.BACKGROUND)]
    assert [task.name async for task in adjutant.queues.list()] == [c, a]
    assert [task.name async for task in adjutant.queues.list(TaskQueue.BACKGROUND)] == [b]
    with pytest.raises(PreconditionError, match="list that queue"):
        await adjutant.queues.reorder(a, before=b)


async def test_messages_are_sent_once_and_listed(adjutant: Adjutant, gate: Gate) -> None:
    task = await adjutant.tasks.submit(PLAN, queue=TaskQueue.BACKGROUND)
    assert task.queue is TaskQueue.BACKGROUND
    sent = await adjutant.messages.send(task.name, "mind the gap", request_id="r")
    assert (await adjutant.messages.send(task.name, "mind the gap", request_id="r")) == sent
    await adjutant.messages.send(task.name, "- [ ] two\n  run: true\n")
    with pytest.raises(InvalidRequestError, match="no `run:` line"):
        await adjutant.messages.send(task.name, "- [ ] two\n")
    gate.opened.set()
    await adjutant.tasks.wait(task.name)
    told = [message async for message in adjutant.messages.list(task.name)]
    assert [(m.number, m.state, list(m.steps_added)) for m in told] == [
        (1, TaskMessageState.DELIVERED, []),
        (2, TaskMessageState.DELIVERED, [2]),
    ]
