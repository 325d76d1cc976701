"""A stored schedule, and what its ticks come to.

Functions here change the record in place and return the events that announce the change.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from google.protobuf import json_format
from pydantic import BaseModel

from adjutant.event.v1 import event_pb2, schedule_events_pb2
from adjutant.orchestrator.v1 import schedule_pb2, task_service_pb2
from services.mesh.events import new_event
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert
from services.orchestrator.schedules import times
from services.orchestrator.tasks.failure import FailureRecord


class PendingTick(BaseModel):
    """A tick that is being seen to: what was decided of it stays so, whatever crashes."""

    time: UtcTime
    missed_count: int


class ScheduleRecord(Record):
    """A stored schedule. Fields that the contract has too mean what it says."""

    display_name: str = ""
    cron: str
    time_zone: str = ""
    task: dict[str, Any]
    """The SubmitTaskRequest, its fields by their names in the contract."""
    skip_missed: bool = False
    allow_overlap: bool = False
    paused: bool = False
    next_time: UtcTime | None = None
    pending: PendingTick | None = None
    """A tick whose task is being handed in, or was, and is not told of yet."""
    due_time: UtcTime | None = None
    """When something is to be done: the pending tick's time, else the next tick's."""
    last_time: UtcTime | None = None
    last_outcome: str = "UNSPECIFIED"
    last_task: str = ""
    last_failure: FailureRecord | None = None
    creator: str

    def request(self) -> task_service_pb2.SubmitTaskRequest:
        """Return what is handed in at each tick."""
        # A field that a later version removed from the contract says nothing any more.
        return json_format.ParseDict(
            self.task, task_service_pb2.SubmitTaskRequest(), ignore_unknown_fields=True
        )

    def plan_next(self, after: datetime) -> None:
        """Note when it ticks next. INVALID_SCHEDULE."""
        upcoming = times.next_tick(self.cron, self.time_zone, after)
        self.next_time = None if self.paused else upcoming
        self.due_time = self.pending.time if self.pending else self.next_time


SCHEDULES: Final = Collection(
    "schedules", ScheduleRecord, fields=("display_name",), hidden=("due_time",)
)
Events = list[event_pb2.Event]


@dataclass(frozen=True)
class Tick:
    """A tick whose time has come."""

    time: datetime
    missed_count: int
    """How many ticks before it passed when nobody was there."""
    outcome: str
    """SUBMITTED, or why no task is made of it."""


@dataclass(frozen=True)
class Result:
    """What a tick came to."""

    task: str = ""
    failure: FailureRecord | None = None


def decide(schedule: ScheduleRecord, grace_s: float, *, busy: bool) -> Tick | None:
    """Return the tick to see to now, or None where there is none.

    `busy` tells that the task of the one before goes on. One that was begun is gone on with.
    """
    if schedule.pending:
        return Tick(schedule.pending.time, schedule.pending.missed_count, "SUBMITTED")
    present, first = now(), schedule.next_time
    if first is None or first > present:
        return None
    time, count = times.missed(schedule.cron, schedule.time_zone, first, present)
    if schedule.skip_missed and (present - first).total_seconds() > grace_s:
        return Tick(time, count, "MISSED")
    if busy and not schedule.allow_overlap:
        return Tick(time, count, "OVERLAPPED")
    return Tick(time, count, "SUBMITTED")


def begin(schedule: ScheduleRecord, tick: Tick) -> Events:
    """Note that the task of a tick is handed in from now on."""
    schedule.pending = PendingTick(time=tick.time, missed_count=tick.missed_count)
    schedule.due_time = tick.time
    return []


def ticked(schedule: ScheduleRecord, tick: Tick, result: Result) -> Events:
    """Note what a tick came to, and when the next one is."""
    was_told = schedule.last_time is not None and schedule.last_time >= tick.time
    schedule.pending = None
    if was_told or (schedule.next_time and schedule.next_time <= tick.time):
        schedule.plan_next(max(tick.time, schedule.last_time or tick.time))
    else:  # its times were changed meanwhile
        schedule.due_time = schedule.next_time
    if was_told:
        return []
    schedule.last_time = tick.time
    schedule.last_outcome = "FAILED" if result.failure else tick.outcome
    schedule.last_failure = result.failure
    schedule.last_task = result.task or schedule.last_task
    event = schedule_events_pb2.ScheduleTicked(
        tick_time=convert.time(tick.time),
        outcome=f"TICK_OUTCOME_{schedule.last_outcome}",
        task=result.task,
        missed_count=tick.missed_count,
    )
    if result.failure:
        event.failure.CopyFrom(convert.failure(result.failure))
    return [new_event(resource=schedule.name, schedule_ticked=event)]


def announce_change(schedule: ScheduleRecord, change: str) -> Events:
    """Return the event that says that a schedule was CREATED, UPDATED or DELETED."""
    event = schedule_events_pb2.ScheduleChanged(
        change=f"CHANGE_{change}", next_time=convert.time(schedule.next_time)
    )
    return [new_event(resource=schedule.name, schedule_changed=event)]


def to_message(record: ScheduleRecord) -> schedule_pb2.Schedule:
    """Return a schedule as the contract's."""
    upcoming = (
        times.upcoming(record.cron, record.time_zone, record.next_time) if record.next_time else ()
    )
    message = schedule_pb2.Schedule(
        name=record.name,
        display_name=record.display_name,
        cron=record.cron,
        time_zone=record.time_zone,
        task=record.request(),
        missed_tick_policy=f"MISSED_TICK_POLICY_{'SKIP' if record.skip_missed else 'RUN_ONCE'}",
        overlap_policy=f"OVERLAP_POLICY_{'ALLOW' if record.allow_overlap else 'SKIP'}",
        paused=record.paused,
        next_time=convert.time(record.next_time),
        upcoming_times=[time for tick in upcoming if (time := convert.time(tick))],
        last_time=convert.time(record.last_time),
        last_outcome=f"TICK_OUTCOME_{record.last_outcome}",
        last_task=record.last_task,
        creator=record.creator,
        create_time=convert.time(record.create_time),
        update_time=convert.time(record.update_time),
        etag=record.etag,
    )
    if record.last_failure:
        message.last_failure.CopyFrom(convert.failure(record.last_failure))
    return message
