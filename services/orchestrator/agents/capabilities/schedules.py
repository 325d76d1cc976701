"""Schedules: what is handed in again and again."""

from typing import Final

from pydantic import Field

from adjutant.orchestrator.v1 import schedule_pb2, task_service_pb2
from adjutant.orchestrator.v1 import schedule_service_pb2 as pb
from services.mesh.names import collection_and_id
from services.orchestrator.agents.capabilities.lines import PAGE, listed, task_line
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.schedules.schedule import ScheduleRecord
from services.orchestrator.schedules.schedules import Schedules

_SERVICE: Final = "/adjutant.orchestrator.v1.ScheduleService"


class ListSchedules(Arguments):
    """All of them."""


class OneSchedule(Arguments):
    """A schedule."""

    schedule: str = Field(description="the schedule's id, as list_schedules gives it")


class CreateSchedule(Arguments):
    """A new one."""

    schedule_id: str = Field(description="lower-case letters, digits and dashes", max_length=63)
    cron: str = Field(description="five fields, as in `0 7 * * 1-5`")
    time_zone: str = Field("", description="as in Europe/Berlin; empty: UTC")
    instructions: str = Field(description="a Markdown checklist, as for submit_task", min_length=1)


def tools(schedules: Schedules) -> tuple[Tool, ...]:
    """Return the tools that work on schedules."""
    return (
        Tool(
            "list_schedules",
            "Lists the schedules of this project, and when each ticks next.",
            ListSchedules,
            f"{_SERVICE}/ListSchedules",
            lambda hand, _: _list(schedules, hand),
        ),
        Tool(
            "create_schedule",
            "Has a task handed in again and again.",
            CreateSchedule,
            f"{_SERVICE}/CreateSchedule",
            lambda hand, asked: _create(schedules, hand, asked),
            _making,
        ),
        Tool(
            "trigger_schedule",
            "Hands in a schedule's task now.",
            OneSchedule,
            f"{_SERVICE}/TriggerSchedule",
            lambda hand, asked: _trigger(schedules, hand, asked),
            _triggering,
        ),
    )


async def _list(schedules: Schedules, hand: Hand) -> str:
    request = pb.ListSchedulesRequest(parent=hand.project, page_size=PAGE)
    page = await hand.call(f"{_SERVICE}/ListSchedules", request, schedules.page)
    lines = [_line(schedule) for schedule in page.records]
    return listed(lines, "schedule", more=bool(page.next_page_token))


async def _create(schedules: Schedules, hand: Hand, asked: CreateSchedule) -> str:
    task = task_service_pb2.SubmitTaskRequest(parent=hand.project, instructions=asked.instructions)
    request = pb.CreateScheduleRequest(
        parent=hand.project,
        request_id=hand.request_id,
        schedule_id=asked.schedule_id,
        schedule=schedule_pb2.Schedule(cron=asked.cron, time_zone=asked.time_zone, task=task),
    )
    return _line(await hand.call(f"{_SERVICE}/CreateSchedule", request, schedules.create))


async def _trigger(schedules: Schedules, hand: Hand, asked: OneSchedule) -> str:
    name = hand.name("schedules", asked.schedule)
    request = pb.TriggerScheduleRequest(name=name, request_id=hand.request_id)
    task = await hand.call(
        f"{_SERVICE}/TriggerSchedule",
        request,
        lambda one: schedules.trigger(one.name, one.request_id),
    )
    return f"Handed in: {task_line(task)}"


async def _making(_: Hand, asked: CreateSchedule) -> str:
    when = f"`{asked.cron}` {asked.time_zone or 'UTC'}"
    work = asked.instructions.strip()
    return f"make the schedule {asked.schedule_id} at {when}, which hands in:\n\n{work}"


async def _triggering(_: Hand, asked: OneSchedule) -> str:
    return f"hand in the task of the schedule {asked.schedule} now"


def _line(schedule: ScheduleRecord) -> str:
    upcoming = f"{schedule.next_time:%Y-%m-%d %H:%M} UTC" if schedule.next_time else "paused"
    when = f"`{schedule.cron}` {schedule.time_zone or 'UTC'}, next {upcoming}"
    return f"{collection_and_id(schedule.name)[1]}  {when}"
