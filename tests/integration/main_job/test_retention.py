"""Checkpoints stay few and small while a task goes on, and go when it has ended."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from adjutant.common.v1 import task_pb2 as states
from services.mesh.store import open_store_for
from services.orchestrator.adapters.checkpoints import open_checkpoints
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.task import TASKS
from tests.support.mesh import mesh_in_process

KEEP = 10
STEPS = 1000


class State(TypedDict):
    step: int
    runs: list[str]


def sizes(path: Path, thread: str) -> tuple[int, int]:
    """Return how many checkpoints a thread has, and the bytes that they and their writes hold."""
    with sqlite3.connect(path) as database:
        count, held = database.execute(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(checkpoint) + LENGTH(metadata)), 0)"
            " FROM checkpoints WHERE thread_id = ?",
            (thread,),
        ).fetchone()
        (writes,) = database.execute(
            "SELECT COALESCE(SUM(LENGTH(value)), 0) FROM writes WHERE thread_id = ?", (thread,)
        ).fetchone()
    return count, held + writes


async def test_a_thread_of_a_thousand_steps_is_as_small_as_one_of_ten(tmp_path: Path) -> None:
    settings = OrchestratorSettings(data_dir=tmp_path, checkpoint_keep=KEEP)
    store = await open_store_for(settings, [])

    async def work(state: State) -> dict[str, Any]:
        # By reference, as the tasks' own graph does: one run is under way at a time.
        return {"step": state["step"] + 1, "runs": [f"runs/step-{state['step']}"]}

    graph = StateGraph(State)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    end = {"step": 0}
    graph.add_conditional_edges(
        "work", lambda state: "__end__" if state["step"] >= end["step"] else "work"
    )
    path = settings.service_dir / "checkpoints.db"
    async with open_checkpoints(settings, store) as saver:
        compiled = graph.compile(checkpointer=saver)
        held = {}
        for steps in (KEEP, STEPS):
            end["step"] = steps
            thread: Any = {"configurable": {"thread_id": f"t{steps}"}, "recursion_limit": 2000}
            start: State = {"step": 0, "runs": []}
            result = await compiled.ainvoke(start, thread, durability="sync")
            assert result["step"] == steps
            held[steps] = sizes(path, f"t{steps}")
        assert held[STEPS][0] <= 2 * KEEP
        # Per checkpoint, for the short one may not have been trimmed yet.
        each = {steps: held_bytes / count for steps, (count, held_bytes) in held.items()}
        assert each[STEPS] < 1.1 * each[KEEP]
        assert held[STEPS][1] < 64 * 1024
        print(f"1,000 steps: {held[STEPS][0]} checkpoints, {held[STEPS][1]} bytes")
    await store.close()
    assert sum(file.stat().st_size for file in settings.service_dir.glob("checkpoints.db")) < 2**20


async def test_the_thread_of_a_task_of_many_steps_stays_as_small(tmp_path: Path) -> None:
    """The tasks' own graph: execute, wait and evaluate for each of 120 steps in a row."""
    chain = "\n".join(
        f"- [ ] step {n}\n  run: true" + (f"\n  after: step {n - 1}" if n else "")
        for n in range(120)
    )
    async with mesh_in_process(tmp_path, checkpoint_keep=KEEP) as mesh:
        path = tmp_path / "orchestrator" / "checkpoints.db"
        held: dict[int, tuple[int, int]] = {}
        task = await mesh.caller.submit(chain)
        async for frame in mesh.caller.watch(task.name):
            step = frame.event.step_state_changed.step
            if step.state == states.STEP_STATE_SUCCEEDED:
                held[step.number] = sizes(path, task.name)
        assert (await mesh.caller.task(task.name)).state == states.TASK_STATE_COMPLETED
    assert max(count for count, _ in held.values()) <= 2 * KEEP
    late = max(size for number, (_, size) in held.items() if number > 60)
    early = max(size for number, (_, size) in held.items() if number <= 30)
    assert late < 1.5 * early
    print(f"120 steps: {early} bytes at most up to step 30, {late} after step 60")


@pytest.mark.parametrize("ttl_s", [600.0, 0.0])
async def test_a_finished_task_keeps_its_last_checkpoint_and_then_none(
    tmp_path: Path, ttl_s: float
) -> None:
    chain = "\n".join(
        f"- [ ] step {n}\n  run: true" + (f"\n  after: step {n - 1}" if n else "")
        for n in range(15)
    )
    settings = {"checkpoint_ttl_s": ttl_s, "checkpoint_keep": 5}
    async with mesh_in_process(tmp_path, **settings) as mesh:
        task = await mesh.caller.submit(chain)
        assert (await mesh.caller.finished(task.name)).state == states.TASK_STATE_COMPLETED
        path = tmp_path / "orchestrator" / "checkpoints.db"
        left = 1 if ttl_s else 0
        async with asyncio.timeout(30):
            while sizes(path, task.name)[0] != left:
                await asyncio.sleep(0.1)
        own = OrchestratorSettings(data_dir=tmp_path)
        store = await open_store_for(own, [TASKS])
        record = await store.get(TASKS, task.name)
        await store.close()
        assert record.thread_compacted
        assert (record.thread_time is None) == (ttl_s == 0)


async def test_a_failed_task_can_be_retried_when_its_checkpoints_are_gone(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with mesh_in_process(tmp_path / "mesh", checkpoint_ttl_s=0.0) as mesh:
        plan = f"- [ ] one\n  run: true\n- [ ] two\n  run: test -e {flag}\n  after: one\n"
        task = await mesh.caller.submit(plan)
        assert (await mesh.caller.finished(task.name)).state == states.TASK_STATE_FAILED
        path = tmp_path / "mesh" / "orchestrator" / "checkpoints.db"
        async with asyncio.timeout(30):
            while sizes(path, task.name)[0]:
                await asyncio.sleep(0.1)
        flag.touch()
        await mesh.caller.retry(task.name)
        done = await mesh.caller.until(task.name, states.TASK_STATE_COMPLETED)
        assert [step.attempt for step in done.steps] == [1, 2]
