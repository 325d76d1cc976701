"""A durable step: a node of the task's graph, its checkpoint and its event.

Each node announces itself with an event; a step is the time from one node's
event to the next node's, by when they were made. Tasks whose steps are ticked
off go through the graph without waiting for a run.
"""

import asyncio
from itertools import pairwise

from bench import floor_langgraph, floor_sqlite, harness
from bench.mesh import mesh
from bench.tasks import Tasks

ALONE = "durable step: node + checkpoint + event"
MANY = "durable steps, {} tasks at once"
AIMS = {"p50": 1.2}
AT_ONCE = 16
WARM_UP_TASKS = 3


async def nodes(tasks: Tasks) -> list[float]:
    """Take a task through its graph; when each node was entered, in milliseconds."""
    name = await tasks.submit()
    return [
        event.time.ToNanoseconds() / 1e6
        async for _, event in tasks.story(name)
        if event.WhichOneof("payload") == "task_progress"
    ]


async def measure(seconds: float) -> list[harness.Figure]:
    """Time steps of one task alone, then count those of many at once."""
    async with (
        mesh("orchestrator", "notification") as channels,
        Tasks.subscribed(channels["orchestrator"], channels["notification"]) as tasks,
    ):
        for _ in range(WARM_UP_TASKS):
            await nodes(tasks)
        alone = await _steps(tasks, seconds)
        start = harness.now_ms()
        batches = await asyncio.gather(*(_steps(tasks, seconds) for _ in range(AT_ONCE)))
        many = [step for batch in batches for step in batch]
        per_second = len(many) / (harness.now_ms() - start) * 1000
    floors = (floor_langgraph.NAME, floor_sqlite.NAME)
    return [
        harness.figure(ALONE, alone, floors=floors, aims=AIMS),
        harness.figure(MANY.format(AT_ONCE), many, per_second=per_second, floors=floors),
    ]


async def _steps(tasks: Tasks, seconds: float) -> list[float]:
    samples: list[float] = []
    end = harness.now_ms() + seconds * 1000
    while not samples or harness.now_ms() < end:
        samples += [later - earlier for earlier, later in pairwise(await nodes(tasks))]
    return samples


if __name__ == "__main__":
    harness.main(measure, __doc__)
