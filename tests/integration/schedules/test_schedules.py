"""Schedules over the wire: ticks make tasks, once each; wrong ones are refused."""

import asyncio
from collections.abc import Callable
from datetime import UTC
from typing import Any

import grpc
import pytest

from adjutant.common.v1 import schedule_pb2 as outcomes
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2, schedule_events_pb2
from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import schedule_pb2, schedule_service_pb2, task_service_pb2
from services.orchestrator.schedules import ticker
from services.orchestrator.schedules.schedule import Result, ScheduleRecord, Tick, ticked
from tests.support.errors import fields_of
from tests.support.mesh import PROJECT, Caller
from tests.support.stores import on_both_stores

EACH_SECOND = "* * * * * *"
YEARLY = "0 0 1 1 *"
PLAN = "- [ ] say\n  run: true\n"


def template(plan: str = PLAN, **fields: Any) -> task_service_pb2.SubmitTaskRequest:
    return task_service_pb2.SubmitTaskRequest(parent=PROJECT, instructions=plan, **fields)


async def create(caller: Caller, schedule_id: str, cron: str, **fields: Any) -> Any:
    fields.setdefault("task", template())
    request = schedule_service_pb2.CreateScheduleRequest(
        parent=PROJECT,
        schedule_id=schedule_id,
        schedule=schedule_pb2.Schedule(cron=cron, **fields),
    )
    return (await caller.schedules.CreateSchedule(request)).schedule


async def get(caller: Caller, name: str) -> Any:
    request = schedule_service_pb2.GetScheduleRequest(name=name)
    return (await caller.schedules.GetSchedule(request)).schedule


async def update(caller: Caller, name: str, *paths: str, **fields: Any) -> Any:
    request = schedule_service_pb2.UpdateScheduleRequest(
        name=name, schedule=schedule_pb2.Schedule(**fields)
    )
    request.update_mask.paths.extend(paths)
    return (await caller.schedules.UpdateSchedule(request)).schedule


async def events_of(
    caller: Caller, name: str, enough: Callable[[list[event_pb2.Event]], bool]
) -> list[event_pb2.Event]:
    """Return what was told of a schedule, up to where it is enough."""
    request = subscription_service_pb2.SubscribeRequest(parent=PROJECT, from_start=True)
    found: list[event_pb2.Event] = []
    async with asyncio.timeout(30):
        async for response in caller.subscriptions.Subscribe(request):
            if response.frame.event.resource == name:
                found.append(response.frame.event)
                if enough(found):
                    return found
    raise AssertionError("the stream ended")


def ticks(events: list[event_pb2.Event]) -> list[schedule_events_pb2.ScheduleTicked]:
    return [event.schedule_ticked for event in events if event.HasField("schedule_ticked")]


@on_both_stores
async def test_each_tick_makes_one_task_which_runs_to_its_end(caller: Caller) -> None:
    schedule = await create(caller, "often", EACH_SECOND, overlap_policy="OVERLAP_POLICY_ALLOW")
    assert schedule.creator.startswith("users/")
    assert len(schedule.upcoming_times) == 5
    told = await events_of(caller, schedule.name, lambda events: len(ticks(events)) == 3)
    await update(caller, schedule.name, paused=True)
    assert told[0].schedule_changed.change == schedule_events_pb2.ScheduleChanged.CHANGE_CREATED
    times = [tick.tick_time.ToSeconds() for tick in ticks(told)]
    assert times == sorted(set(times))
    for tick in ticks(told):
        assert tick.outcome == outcomes.TICK_OUTCOME_SUBMITTED
        done = await caller.finished(tick.task)
        assert (done.state, done.submitter) == (states.TASK_STATE_COMPLETED, schedule.creator)


async def test_a_tick_that_broke_off_after_its_task_was_made_makes_no_other_later(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next attempt comes when a later tick has passed, and goes on with the first."""
    broken: list[Tick] = []

    def break_off_once(schedule: ScheduleRecord, tick: Tick, result: Result) -> Any:
        if not broken:
            broken.append(tick)
            raise RuntimeError("as if the service were killed here")
        return ticked(schedule, tick, result)

    monkeypatch.setattr(ticker, "ticked", break_off_once)
    fields = {"task": template(title="broken off"), "overlap_policy": "OVERLAP_POLICY_ALLOW"}
    schedule = await create(caller, "broken-off", EACH_SECOND, **fields)
    told = await events_of(caller, schedule.name, lambda events: len(ticks(events)) == 2)
    await update(caller, schedule.name, "paused", paused=True)
    assert ticks(told)[0].tick_time.ToDatetime(UTC) == broken[0].time
    listing = task_service_pb2.ListTasksRequest(
        parent=PROJECT, filter='title = "broken off"', order_by="create_time asc"
    )
    made = (await caller.tasks.ListTasks(listing)).tasks
    assert [task.name for task in made][:2] == [tick.task for tick in ticks(told)]


async def test_a_tick_is_skipped_while_the_task_before_goes_on(caller: Caller) -> None:
    long = template("- [ ] wait\n  run: sleep 60\n")
    schedule = await create(caller, "slow", EACH_SECOND, task=long)
    told = await events_of(caller, schedule.name, lambda events: len(ticks(events)) == 3)
    first, *later = ticks(told)
    assert first.outcome == outcomes.TICK_OUTCOME_SUBMITTED
    assert {tick.outcome for tick in later} == {outcomes.TICK_OUTCOME_OVERLAPPED}
    now = await update(caller, schedule.name, paused=True)
    assert now.last_task == first.task
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=first.task))
    await caller.finished(first.task)


async def test_pausing_stops_the_ticks_and_going_on_starts_from_now(caller: Caller) -> None:
    schedule = await create(caller, "paused", EACH_SECOND, paused=True)
    assert not schedule.HasField("next_time")
    gone_on = await update(caller, schedule.name, "paused", paused=False)
    assert gone_on.next_time.ToDatetime() > schedule.create_time.ToDatetime()
    told = await events_of(caller, schedule.name, lambda events: len(ticks(events)) == 1)
    assert ticks(told)[0].missed_count == 0
    await update(caller, schedule.name, paused=True)


async def test_it_can_be_triggered_at_any_time_once_for_each_request(caller: Caller) -> None:
    schedule = await create(caller, "by-hand", YEARLY, paused=True)
    request = schedule_service_pb2.TriggerScheduleRequest(name=schedule.name, request_id="one")
    tasks = [(await caller.schedules.TriggerSchedule(request)).task.name for _ in range(2)]
    assert tasks[0] == tasks[1]
    assert (await caller.finished(tasks[0])).state == states.TASK_STATE_COMPLETED


@on_both_stores
async def test_it_is_listed_changed_and_removed(caller: Caller) -> None:
    schedule = await create(caller, "yearly", YEARLY, display_name="Each year")
    again = await create(caller, "yearly-2", YEARLY)
    listing = schedule_service_pb2.ListSchedulesRequest(parent=PROJECT, page_size=1)
    first = await caller.schedules.ListSchedules(listing)
    listing.page_token = first.next_page_token
    second = await caller.schedules.ListSchedules(listing)
    assert [first.schedules[0].name, second.schedules[0].name] == [again.name, schedule.name]
    changed = await update(
        caller, schedule.name, cron="0 9 * * *", time_zone="Europe/Prague", etag=schedule.etag
    )
    assert changed.next_time != schedule.next_time
    assert changed.display_name == "Each year"
    with pytest.raises(grpc.aio.AioRpcError) as stale:
        await update(caller, schedule.name, cron=YEARLY, etag=schedule.etag)
    assert stale.value.code() == grpc.StatusCode.ABORTED
    for name in (schedule.name, again.name):
        delete = schedule_service_pb2.DeleteScheduleRequest(name=name)
        await caller.schedules.DeleteSchedule(delete)
    with pytest.raises(grpc.aio.AioRpcError) as missing:
        await get(caller, schedule.name)
    assert missing.value.code() == grpc.StatusCode.NOT_FOUND
    told = await events_of(caller, schedule.name, lambda events: len(events) == 3)
    changes = [event.schedule_changed.change for event in told]
    assert changes == [1, 2, 3], "created, updated, deleted"


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": "soon"}, "schedule.cron"),
        ({"time_zone": "Nowhere/Else"}, "schedule.time_zone"),
        ({"task": template("no list")}, "schedule.task.instructions"),
        ({"task": template(request_id="x")}, "schedule.task.request_id"),
        ({"missed_tick_policy": 9}, "schedule.missed_tick_policy"),
    ],
)
async def test_what_is_wrong_is_told_when_it_is_made(
    caller: Caller, fields: dict[str, Any], field: str
) -> None:
    cron = fields.pop("cron", YEARLY)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await create(caller, "wrong", cron, **fields)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(refused.value) == [field]
