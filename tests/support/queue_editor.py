"""A replica that edits a queue: `python -m tests.support.queue_editor STORE SEED EDITS`.

It opens the store as a service does and moves tasks to and fro, as fast as it can.
"""

import asyncio
import random
import sys
from pathlib import Path

from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.store import open_store
from services.orchestrator.queues.queues import Queues
from services.orchestrator.tasks.task import TASKS

PARENT = "clients/acme/projects/web"
QUEUES = ("TASK_QUEUE_FOREGROUND", "TASK_QUEUE_BACKGROUND")


async def edit(path: Path, seed: int, edits: int) -> int:
    """Make edits, and return how many were done; those that another one made void are not."""
    chance = random.Random(seed)
    store = await open_store(path, (TASKS,))
    queues = Queues(store, lambda _: None)
    page = await store.page(TASKS, parent=PARENT, page_size=500)
    names = [task.name for task in page.records]
    done = 0
    for _ in range(edits):
        name, before = chance.sample(names, 2)
        before = chance.choice((before, before, ""))
        try:
            if chance.random() < 0.5:
                await queues.reorder(pb.ReorderTaskRequest(name=name, before=before))
            else:
                request = pb.MoveTaskRequest(name=name, queue=chance.choice(QUEUES), before=before)
                await queues.move(request)
            done += 1
        except AdjutantError as refused:
            if refused.reason != "NOT_IN_QUEUE":
                raise
    await store.close()
    return done


if __name__ == "__main__":
    print(asyncio.run(edit(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
