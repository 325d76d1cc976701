"""Waiting graphs hold no slot: MAX_CONCURRENT_ORCHESTRATIONS bounds active ones only."""

import asyncio
from pathlib import Path

from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from tests.support.mesh import mesh_in_process

TASKS = 10
SLOTS = 2


async def test_ten_tasks_with_long_agents_run_side_by_side_in_two_slots(tmp_path: Path) -> None:
    running, go = tmp_path / "running", tmp_path / "go"
    running.mkdir()
    plan = f"- [ ] long\n  run: touch {running}/$$; while ! test -e {go}; do sleep 0.05; done\n"
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=SLOTS) as mesh:
        tasks = [await mesh.caller.submit(plan) for _ in range(TASKS)]
        async with asyncio.timeout(30):
            while len(list(running.iterdir())) < TASKS:
                await asyncio.sleep(0.05)
        waiting = [
            await mesh.caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
            for task in tasks
        ]
        assert len(waiting) == TASKS, "all agents run at once, and no graph is active"

        go.touch()
        stories = [await mesh.caller.story(task.name) for task in tasks]
        done = [await mesh.caller.task(task.name) for task in tasks]
    assert 1 <= most_active(stories) <= SLOTS
    assert {task.state for task in done} == {states.TASK_STATE_COMPLETED}


def most_active(stories: list[list[event_pb2.Event]]) -> int:
    """Return how many graphs were active at once at the most."""
    changes = sorted(
        (event.time.ToNanoseconds(), event.task, event.task_state_changed.state)
        for story in stories
        for event in story
        if event.HasField("task_state_changed")
    )
    active: set[str] = set()
    most = 0
    for _, task, state in changes:
        (active.add if state == states.TASK_STATE_ORCHESTRATING else active.discard)(task)
        most = max(most, len(active))
    return most
