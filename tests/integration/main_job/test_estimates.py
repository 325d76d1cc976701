"""Plans before they run, through the real services: estimates, the plan cache, many steps."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest

from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import estimate_pb2, task_service_pb2
from services.mesh.store import open_store_for
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.plans.cache import PLANS
from services.orchestrator.settings import OrchestratorSettings
from tests.support.mesh import PROJECT, Caller, mesh_in_process
from tests.support.stores import on_both_stores

PLAN = """# Measure
- [ ] quick
  run: sleep 0.2
- [ ] slow
  run: sleep 0.4
- [ ] last
  after: quick, slow
  run: sleep 0.1
- [x] done before
"""
COMMAND, UNKNOWN = estimate_pb2.ESTIMATE_BASIS_COMMAND, estimate_pb2.ESTIMATE_BASIS_UNKNOWN


async def estimate(
    caller: Caller, plan: str = PLAN, max_parallel_steps: int = 0
) -> task_service_pb2.EstimateTaskResponse:
    request = task_service_pb2.EstimateTaskRequest(
        parent=PROJECT, instructions=plan, max_parallel_steps=max_parallel_steps
    )
    response: task_service_pb2.EstimateTaskResponse = await caller.tasks.EstimateTask(request)
    return response


async def until_known(caller: Caller, runs: int) -> task_service_pb2.EstimateTaskResponse:
    """Return the estimate as soon as every step stands on so many runs of the same command."""
    async with asyncio.timeout(20):
        while True:
            found = await estimate(caller)
            known = [step for step in found.steps if step.basis == COMMAND]
            if len(known) == 3 and all(step.past_runs == runs for step in known):
                return found
            await asyncio.sleep(0.05)


async def test_an_estimate_stands_on_past_runs_and_on_nothing_else(caller: Caller) -> None:
    before = await estimate(caller)
    assert before.title == "Measure"
    assert [step.basis for step in before.steps] == [UNKNOWN] * 3 + [0]
    assert not any(step.HasField("mean_duration") for step in before.steps)
    assert (before.estimate.known_steps, before.estimate.unknown_steps) == (0, 3)
    assert before.estimate.parallel_duration.ToNanoseconds() == 0
    assert list(before.steps[2].step.after) == [1, 2]
    listed = await caller.tasks.ListTasks(task_service_pb2.ListTasksRequest(parent=PROJECT))
    assert not listed.tasks, "an estimate changes nothing"

    for _ in range(2):
        await caller.finished((await caller.submit(PLAN)).name)
    found = await until_known(caller, 2)
    quick, slow, last = (step.mean_duration.ToNanoseconds() / 1e9 for step in found.steps[:3])
    assert quick >= 0.2
    assert slow >= 0.4
    assert last >= 0.1
    whole = found.estimate
    sequential = whole.sequential_duration.ToNanoseconds() / 1e9
    parallel = whole.parallel_duration.ToNanoseconds() / 1e9
    assert sequential == pytest.approx(quick + slow + last, abs=1e-6)
    assert parallel == pytest.approx(max(quick, slow) + last, abs=1e-6)
    assert found.steps[2].starts_after.ToNanoseconds() / 1e9 == pytest.approx(max(quick, slow))
    narrow = (await estimate(caller, max_parallel_steps=1)).estimate
    assert narrow.parallel_duration == narrow.sequential_duration

    task = await caller.finished((await caller.submit(PLAN)).name)
    assert task.estimate.known_steps == 3
    assert task.estimate.parallel_duration == whole.parallel_duration
    assert task.complexity == found.complexity == 3 + 2 + 2


async def test_a_plan_that_cannot_be_run_cannot_be_estimated(caller: Caller) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await estimate(caller, "- [ ] a\n  runs: x\n")
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    request = task_service_pb2.EstimateTaskRequest(
        parent="clients/acme/projects/none", instructions=PLAN
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.tasks.EstimateTask(request)
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND


@on_both_stores
async def test_the_same_plan_is_made_once_and_forgotten_in_time(
    tmp_path: Path, mesh_store: dict[str, Any]
) -> None:
    data = tmp_path / "data"
    async with mesh_in_process(data, plan_cache_ttl_s=3600, **mesh_store) as mesh:
        assert not (await estimate(mesh.caller)).plan_cached
        assert (await estimate(mesh.caller)).plan_cached
        task = await mesh.caller.submit(PLAN)
        assert task.plan_cached
        done = await mesh.caller.finished(task.name)
        assert done.state == states.TASK_STATE_COMPLETED
        other = await mesh.caller.submit(PLAN, title="Another title")
        assert not other.plan_cached
        await mesh.caller.finished(other.name)
    async with mesh_in_process(data, plan_cache_ttl_s=0.5, **mesh_store) as mesh:
        await mesh.caller.finished((await mesh.caller.submit("- [ ] a\n  run: true\n")).name)
        settings = OrchestratorSettings(data_dir=data, **mesh_store)
        store = await open_store_for(settings, COLLECTIONS)
        async with asyncio.timeout(20):
            while len([plan async for plan in store.scan(PLANS, {})]) != 2:
                await asyncio.sleep(0.1)
        await store.close()


async def test_a_plan_of_a_thousand_ticked_and_forty_real_steps_works(
    tmp_path: Path,
) -> None:
    ticked = "".join(f"- [x] before {n}\n" for n in range(1000))
    real = "".join(f"- [ ] step {n}\n  run: true\n" for n in range(40))
    plan = f"## Before\n{ticked}\n## Now\n{real}"
    async with mesh_in_process(tmp_path / "data") as mesh:
        task = await mesh.caller.submit(plan, max_parallel_steps=10)
        await mesh.caller.story(task.name, timeout_s=100)
        done = await mesh.caller.task(task.name)
        assert done.state == states.TASK_STATE_COMPLETED, done.failure
        succeeded = [step for step in done.steps if step.state == states.STEP_STATE_SUCCEEDED]
        assert len(succeeded) == 40
        assert done.progress.message.startswith("nothing to commit")
