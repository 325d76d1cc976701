"""Edits of the queues at once, by two processes on one store: one order, and nothing lost."""

import asyncio
import sys
from pathlib import Path

from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from services.mesh.names import new_id
from services.mesh.store import Store, now, open_store
from services.orchestrator.queues import rank
from services.orchestrator.queues.queues import Queues
from services.orchestrator.tasks.task import TASKS, TaskRecord
from tests.support.queue_editor import PARENT
from tests.support.stores import Open

TASKS_COUNT = 30
EDITS = 150


async def _fill(store: Store, count: int = TASKS_COUNT) -> list[str]:
    names = []
    for number in range(count):
        time = now()
        task = TaskRecord(
            name=f"{PARENT}/tasks/{new_id()}",
            title=f"task {number}",
            instructions="- [ ] a\n  run: true\n",
            create_time=time,
            update_time=time,
            news_time=time,
            rank=rank.at(time),
        )
        await store.insert(TASKS, task)
        names.append(task.name)
    return names


async def _order(store: Store) -> dict[str, list[tuple[str, str]]]:
    queues = Queues(store, lambda _: None)
    found = {}
    for queue in ("TASK_QUEUE_FOREGROUND", "TASK_QUEUE_BACKGROUND"):
        page = await queues.page(pb.ListQueueRequest(parent=PARENT, queue=queue, page_size=500))
        found[queue] = [(task.rank, task.name) for task in page.records]
    return found


async def _editor(path: Path, seed: int) -> int:
    command = (sys.executable, "-m", "tests.support.queue_editor", str(path), str(seed), str(EDITS))
    pipe = asyncio.subprocess.PIPE
    editor = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(editor.communicate(), 90)
    assert editor.returncode == 0, err.decode()
    return int(out)


async def test_two_processes_edit_one_queue_and_agree_on_one_order(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = await open_store(path, (TASKS,))
    names = await _fill(store)
    done = await asyncio.gather(*(_editor(path, seed) for seed in (1, 2)))
    assert min(done) > EDITS / 3, "both of them did edit"

    order = await _order(store)
    placed = [place for queue in order.values() for place in queue]
    assert sorted(name for _, name in placed) == sorted(names), "none is lost, none is doubled"
    assert len({rank for rank, _ in placed}) == len(placed), "no two have one place"
    for queue in order.values():
        assert queue == sorted(queue)
    await store.close()

    again = await open_store(path, (TASKS,))
    assert await _order(again) == order, "a restart changes nothing"
    await again.close()


async def test_two_edits_of_one_place_at_once_both_hold(open_replica: Open) -> None:
    """Each of some tasks is put before the same one, from two stores at once."""
    stores = [await open_replica((TASKS,)) for _ in range(2)]
    names = await _fill(stores[0], 6)
    target, *others = names
    editors = [Queues(store, lambda _: None) for store in stores]
    await asyncio.gather(
        *(
            editors[number % 2].reorder(pb.ReorderTaskRequest(name=name, before=target))
            for number, name in enumerate(others)
        )
    )
    order = [name for _, name in (await _order(stores[1]))["TASK_QUEUE_FOREGROUND"]]
    assert order[-1] == target, "all stand before it, as each edit asked for"
    assert sorted(order) == sorted(names)
