"""SubmitTask → accepted, → first progress seen by a subscriber, → completed.

The task's steps are ticked off, so that what is timed is ours: the task's
document, its queue, its graph, its events. One task at a time.
"""

from bench import floor_fanout, floor_grpc, floor_langgraph, floor_sqlite, harness
from bench.mesh import mesh
from bench.tasks import Tasks

ACCEPTED = "SubmitTask → accepted and durable"
PROGRESS = "SubmitTask → first progress at a subscriber"
COMPLETED = "SubmitTask → completed, a task without runs"
AIMS = {"p50": 10.0}
WARM_UP_TASKS = 3


async def measure(seconds: float) -> list[harness.Figure]:
    """Submit tasks one after the other and hear of each to its end."""
    accepted: list[float] = []
    progress: list[float] = []
    completed: list[float] = []
    async with (
        mesh("orchestrator", "notification") as channels,
        Tasks.subscribed(channels["orchestrator"], channels["notification"]) as tasks,
    ):
        end = harness.now_ms() + seconds * 1000
        while len(completed) <= WARM_UP_TASKS or harness.now_ms() < end:
            start = harness.now_ms()
            name = await tasks.submit()
            accepted.append(harness.now_ms() - start)
            arrivals = [
                (when, event.WhichOneof("payload")) async for when, event in tasks.story(name)
            ]
            progress.append(next(w for w, what in arrivals if what == "task_progress") - start)
            completed.append(arrivals[-1][0] - start)
    call, commit = floor_grpc.NAME, floor_sqlite.NAME
    road = (call, floor_langgraph.NAME, floor_fanout.name(1))
    kept = slice(WARM_UP_TASKS, None)
    return [
        harness.figure(ACCEPTED, accepted[kept], floors=(call, commit)),
        harness.figure(PROGRESS, progress[kept], floors=road, aims=AIMS),
        harness.figure(COMPLETED, completed[kept]),
    ]


if __name__ == "__main__":
    harness.main(measure, __doc__)
