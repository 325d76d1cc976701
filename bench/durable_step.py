"""A durable step: a node of the task's graph, its checkpoint and its event.

Nodes announce themselves with an event. A step is the time from one node's event to
that of the node right behind it, by when they were made. Tasks whose steps are
ticked off go through the graph without waiting for a run.
"""

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

from adjutant.common.v1 import task_pb2
from bench import floor_langgraph, floor_sqlite, harness
from bench.mesh import mesh
from bench.tasks import Tasks

ALONE = "durable step: node + checkpoint + event"
MANY = "durable step, {} tasks at once"
AIMS = {"p50": 1.2}
AT_ONCE = 16
WARM_UP_S = 0.3
# Between other announcements there are nodes that say nothing.
NEIGHBOURS = {
    (task_pb2.GRAPH_NODE_DECOMPOSE, task_pb2.GRAPH_NODE_PLAN),
    (task_pb2.GRAPH_NODE_EVALUATE, task_pb2.GRAPH_NODE_GIT_OPERATIONS),
}


@dataclass
class Steps:
    """What was seen of tasks on their way through the graph."""

    announced: int = 0
    """How many nodes announced themselves."""
    times_ms: list[float] = field(default_factory=list)
    """How long each step between neighbours took."""


async def go(tasks: Tasks, seconds: float, seen: Steps) -> None:
    """Take one task after the other through its graph."""
    end = harness.now_ms() + seconds * 1000
    while not seen.times_ms or harness.now_ms() < end:
        name = await tasks.submit()
        entered = [
            (event.task_progress.progress.node, event.time.ToNanoseconds() / 1e6)
            async for _, event in tasks.story(name)
            if event.WhichOneof("payload") == "task_progress"
        ]
        seen.announced += len(entered)
        for (node, when), (following, later) in pairwise(entered):
            if (node, following) in NEIGHBOURS:
                seen.times_ms.append(later - when)


async def measure(seconds: float) -> list[harness.Figure]:
    """Time steps of one task alone, then count those of many at once."""
    async with (
        mesh("orchestrator", "notification") as channels,
        Tasks.subscribed(channels["orchestrator"], channels["notification"]) as tasks,
    ):
        await go(tasks, WARM_UP_S, Steps())
        alone, many = Steps(), Steps()
        await go(tasks, seconds, alone)
        start = harness.now_ms()
        await asyncio.gather(*(go(tasks, seconds, many) for _ in range(AT_ONCE)))
        per_second = many.announced / (harness.now_ms() - start) * 1000
    floors = (floor_langgraph.NAME, floor_sqlite.NAME)
    return [
        harness.figure(ALONE, alone.times_ms, floors=floors, aims=AIMS),
        harness.figure(MANY.format(AT_ONCE), many.times_ms, per_second=per_second, floors=floors),
    ]


if __name__ == "__main__":
    harness.main(measure, __doc__)
