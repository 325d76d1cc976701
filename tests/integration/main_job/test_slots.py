"""Waiting graphs hold no slot: MAX_CONCURRENT_ORCHESTRATIONS bounds active ones only."""

import asyncio
from pathlib import Path

from adjutant.common.v1 import task_pb2 as states
from tests.support.mesh import mesh_in_process

TASKS = 10


async def test_ten_tasks_with_long_agents_run_side_by_side_in_two_slots(tmp_path: Path) -> None:
    running, go = tmp_path / "running", tmp_path / "go"
    running.mkdir()
    plan = f"- [ ] long\n  run: touch {running}/$$; while ! test -e {go}; do sleep 0.05; done\n"
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=2) as mesh:
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
        done = [await mesh.caller.finished(task.name) for task in tasks]
    assert {task.state for task in done} == {states.TASK_STATE_COMPLETED}
