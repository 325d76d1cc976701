"""A tick makes one task whoever sees to it, and whatever crashes or was away meanwhile."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from adjutant.common.v1 import schedule_pb2 as outcomes
from adjutant.orchestrator.v1 import task_service_pb2
from services.mesh.events import EventLog
from services.mesh.lease import Leases
from services.mesh.store import SqliteStore, now, open_store
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.plans.planner import ChecklistPlanner
from services.orchestrator.schedules import schedule as schedules
from services.orchestrator.schedules.schedule import SCHEDULES, ScheduleRecord
from services.orchestrator.schedules.ticker import Ticker
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tasks.tasks import Tasks
from services.orchestrator.tenancy.effective import Inheritance
from tests.integration.schedules.test_schedules import (
    EACH_SECOND,
    create,
    events_of,
    get,
    ticks,
    update,
)
from tests.support.mesh import PROJECT, MeshInProcess, mesh_in_process


@pytest.mark.parametrize("policy", ["RUN_ONCE", "SKIP"])
async def test_ticks_that_came_when_nobody_was_there_run_once_or_are_skipped(
    tmp_path: Path, policy: str
) -> None:
    settings = {"schedule_grace_s": 2.5}
    async with mesh_in_process(tmp_path, **settings) as mesh:
        made = await create(
            mesh.caller,
            "nightly",
            EACH_SECOND,
            missed_tick_policy=f"MISSED_TICK_POLICY_{policy}",
            overlap_policy="OVERLAP_POLICY_ALLOW",
        )
        before = ticks(await events_of(mesh.caller, made.name, lambda told: len(ticks(told)) == 1))
    await asyncio.sleep(5)  # the time for which nobody is there
    async with mesh_in_process(tmp_path, **settings) as mesh:
        count = len(before) + 1

        def enough(told: list[Any]) -> bool:
            return any(tick.missed_count for tick in ticks(told)) and len(ticks(told)) > count

        told = ticks(await events_of(mesh.caller, made.name, enough))
        await update(mesh.caller, made.name, paused=True)
        late = next(tick for tick in told if tick.missed_count)
        assert late.missed_count >= 2
        submitted, missed = outcomes.TICK_OUTCOME_SUBMITTED, outcomes.TICK_OUTCOME_MISSED
        assert late.outcome == {"RUN_ONCE": submitted, "SKIP": missed}[policy]
        assert bool(late.task) == (policy == "RUN_ONCE")
        times = [tick.tick_time.ToSeconds() for tick in told]
        assert times == sorted(set(times))
        after = told[told.index(late) + 1]
        assert after.tick_time.ToSeconds() == late.tick_time.ToSeconds() + 1
        assert after.outcome == submitted


class Replica:
    """The ticking part of one replica, on the store and the leases that all share."""

    def __init__(self, store: SqliteStore, log: EventLog, holder: str, patience_s: float) -> None:
        settings = OrchestratorSettings(schedule_lock_timeout_s=patience_s)
        inheritance = Inheritance(store, settings.max_parallel_steps)
        rights: Any = None  # no call is under way in which rights could be asked for
        tasks = Tasks(store, lambda _: None, inheritance, rights, ChecklistPlanner())
        self.leases = Leases(log, holder, 5.0)
        self.ticker = Ticker(store, self.leases, tasks, settings)


def _schedule(name: str) -> ScheduleRecord:
    request = task_service_pb2.SubmitTaskRequest(
        parent=PROJECT, instructions="- [ ] say\n  run: true\n"
    )
    record = ScheduleRecord(
        name=f"{PROJECT}/schedules/{name}",
        create_time=now(),
        update_time=now(),
        cron="* * * * *",
        task=json_format.MessageToDict(request, preserving_proto_field_name=True),
        allow_overlap=True,
        creator="users/ada",
    )
    # Due to whoever is handed it; the mesh's own orchestrator goes by due_time and leaves it alone.
    record.next_time = now() - timedelta(seconds=1)
    return record


@pytest.fixture
async def parts(tmp_path: Path) -> Any:
    async with mesh_in_process(tmp_path / "mesh") as mesh:
        settings = OrchestratorSettings(data_dir=mesh.data_dir, port_base=mesh.port_base)
        log = await EventLog.connect(settings)
        # The mesh's own store, seen from another process's point of view.
        store = await open_store(settings.service_dir / "store.db", COLLECTIONS)
        yield mesh, log, store
        await store.close()
        await log.close()


async def _tasks_of(store: SqliteStore, mesh: MeshInProcess) -> list[str]:
    return [task.name async for task in store.scan(TASKS, {})]


async def test_many_replicas_at_once_make_one_task_of_a_tick(
    parts: tuple[MeshInProcess, EventLog, SqliteStore],
) -> None:
    mesh, log, store = parts
    record = _schedule("shared")
    await store.insert(SCHEDULES, record)
    replicas = [Replica(store, log, f"replica-{n}", 2.0) for n in range(4)]
    for round_number in range(5):
        seen = await store.get(SCHEDULES, record.name)
        before = len(await _tasks_of(store, mesh))
        await asyncio.gather(*(replica.ticker.tick(seen) for replica in replicas))
        assert len(await _tasks_of(store, mesh)) == before + 1

        def again(schedule: ScheduleRecord, back: int = round_number) -> list[Any]:
            schedule.next_time = now() - timedelta(seconds=0.5 - back / 100)
            schedule.due_time = schedule.last_time = None
            return []

        await store.update(SCHEDULES, record.name, again)


async def test_a_tick_that_somebody_else_is_at_is_left_to_them(
    parts: tuple[MeshInProcess, EventLog, SqliteStore],
) -> None:
    mesh, log, store = parts
    record = _schedule("held")
    await store.insert(SCHEDULES, record)
    holder, other = (Replica(store, log, name, 0.3) for name in ("holder", "other"))
    client, project = PROJECT.split("/")[1::2]
    async with holder.leases.held(f"schedule.{client}.{project}.held") as lease:
        assert lease
        await other.ticker.tick(record)
    assert await _tasks_of(store, mesh) == []


@pytest.mark.parametrize("skip_missed", [False, True])
async def test_a_crash_after_the_task_was_made_makes_no_second_one_and_tells_of_it(
    parts: tuple[MeshInProcess, EventLog, SqliteStore],
    monkeypatch: pytest.MonkeyPatch,
    skip_missed: bool,
) -> None:
    mesh, log, store = parts
    record = _schedule("crashed")
    record.skip_missed = skip_missed
    await store.insert(SCHEDULES, record)
    replica = Replica(store, log, "replica", 2.0)
    update, crashed = store.update, iter([False, True])

    async def update_once(*arguments: Any, **more: Any) -> Any:
        if next(crashed):
            raise SystemError("killed")
        return await update(*arguments, **more)

    with monkeypatch.context() as crash:
        crash.setattr(store, "update", update_once)
        with pytest.raises(SystemError):
            await replica.ticker.tick(record)
    (task,) = await _tasks_of(store, mesh)
    # Much later, so that the tick would count as missed, and others have passed since.
    later = now() + timedelta(hours=2)
    monkeypatch.setattr("services.orchestrator.schedules.schedule.now", lambda: later)
    left = await store.get(SCHEDULES, record.name)
    assert left.pending is not None
    assert left.due_time == left.pending.time
    await replica.ticker.tick(left)
    assert await _tasks_of(store, mesh) == [task]
    told = await get(mesh.caller, record.name)
    assert (told.last_task, told.last_outcome) == (task, outcomes.TICK_OUTCOME_SUBMITTED)


def test_a_tick_that_was_told_of_is_not_told_of_again_and_the_next_one_comes() -> None:
    record = _schedule("ahead")
    record.last_time = now() + timedelta(minutes=3)  # by a replica whose clock is ahead
    tick = schedules.Tick(now(), 0, "SUBMITTED")
    assert schedules.ticked(record, tick, schedules.Result()) == []
    assert record.next_time is not None
    assert record.next_time > record.last_time
    assert record.due_time == record.next_time
