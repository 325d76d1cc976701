"""What callers do with schedules."""

from typing import Any, Final

from google.protobuf import json_format

from adjutant.orchestrator.v1 import schedule_pb2
from adjutant.orchestrator.v1 import schedule_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.due import Due
from services.mesh.errors import AdjutantError
from services.mesh.names import child
from services.mesh.store import Page, RequestKey, Store, now
from services.orchestrator.requests import check_etag, request_key
from services.orchestrator.schedules.schedule import (
    SCHEDULES,
    Events,
    ScheduleRecord,
    announce_change,
)
from services.orchestrator.tasks.task import TaskRecord
from services.orchestrator.tasks.tasks import Tasks
from services.orchestrator.tenancy.kinds import stands

PATHS: Final = (
    "display_name",
    "cron",
    "time_zone",
    "task",
    "missed_tick_policy",
    "overlap_policy",
    "paused",
)
"""What an update mask may name."""
_TIMES: Final = ("cron", "time_zone", "paused")
"""Fields whose change has the next tick reckoned anew."""


class Schedules:
    """The schedules of projects."""

    def __init__(self, store: Store, tasks: Tasks, due: Due[ScheduleRecord]) -> None:
        self._store = store
        self._tasks = tasks
        self._due = due

    async def create(self, request: pb.CreateScheduleRequest) -> ScheduleRecord:
        """Make a schedule. INVALID_SCHEDULE, ALREADY_EXISTS, and what SubmitTask may raise."""
        asked, time = request.schedule, now()
        await self._check_task(request.parent, asked)
        record = ScheduleRecord(
            name=child(request.parent, "schedules", request.schedule_id),
            create_time=time,
            update_time=time,
            cron=asked.cron,
            task=_stored(asked),
            creator=actor(),
        )
        _apply(record, asked, ("display_name", "time_zone", *PATHS[4:]))
        record.plan_next(time)
        inserted = await self._store.insert(
            SCHEDULES,
            record,
            events=announce_change(record, "CREATED"),
            request=request_key(request.parent, request),
            guard=stands(request.parent),
        )
        self._due.look()
        return inserted.record

    async def get(self, name: str) -> ScheduleRecord:
        """Return a schedule. NOT_FOUND."""
        return await self._store.get(SCHEDULES, name)

    async def page(self, request: pb.ListSchedulesRequest) -> Page[ScheduleRecord]:
        """Return a page of schedules. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            SCHEDULES,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def update(self, request: pb.UpdateScheduleRequest) -> ScheduleRecord:
        """Change a schedule. NOT_FOUND, CONCURRENT_CHANGE, and what `create` raises."""
        asked, paths, caller = request.schedule, _paths(request), actor()
        if "task" in paths:
            await self._check_task(request.name.partition("/schedules/")[0], asked)

        def change(record: ScheduleRecord) -> Events | None:
            check_etag(record, asked.etag, "schedule.etag")
            _apply(record, asked, paths)
            if "task" in paths:
                record.task, record.creator = _stored(asked), caller
            if any(path in _TIMES for path in paths):
                record.plan_next(now())
            return announce_change(record, "UPDATED") if paths else None

        record = await self._store.update(SCHEDULES, request.name, change)
        self._due.look()
        return record

    async def delete(self, name: str) -> None:
        """Remove a schedule. NOT_FOUND."""
        record = await self._store.get(SCHEDULES, name)
        record.next_time = None
        await self._store.delete(SCHEDULES, name, events=announce_change(record, "DELETED"))

    async def trigger(self, name: str, request_id: str) -> TaskRecord:
        """Hand in a schedule's task now. NOT_FOUND, and what SubmitTask may raise."""
        record = await self._store.get(SCHEDULES, name)
        key = RequestKey(record.name, f"trigger {request_id}" if request_id else "", "")
        return await self._tasks.hand_in(record.request(), actor(), key)

    async def _check_task(self, parent: str, asked: schedule_pb2.Schedule) -> None:
        task = asked.task
        if task.parent != parent:
            message = f"The task of a schedule is handed in to its own project, {parent}."
            raise AdjutantError("INVALID_REQUEST", message, field="schedule.task.parent")
        if task.request_id:
            message = "Each tick has an id of its own; leave request_id empty."
            raise AdjutantError("INVALID_REQUEST", message, field="schedule.task.request_id")
        try:
            await self._tasks.check(task)
        except AdjutantError as wrong:
            raise wrong.within("schedule.task") from wrong


def _stored(asked: schedule_pb2.Schedule) -> dict[str, Any]:
    return json_format.MessageToDict(asked.task, preserving_proto_field_name=True)


def _apply(record: ScheduleRecord, asked: schedule_pb2.Schedule, paths: tuple[str, ...]) -> None:
    for path in paths:
        if path == "missed_tick_policy":
            record.skip_missed = asked.missed_tick_policy == schedule_pb2.MISSED_TICK_POLICY_SKIP
        elif path == "overlap_policy":
            record.allow_overlap = asked.overlap_policy == schedule_pb2.OVERLAP_POLICY_ALLOW
        elif path != "task":
            setattr(record, path, getattr(asked, path))


def _paths(request: pb.UpdateScheduleRequest) -> tuple[str, ...]:
    for path in request.update_mask.paths:
        if path not in PATHS:
            raise AdjutantError(
                "INVALID_REQUEST",
                f"{path!r} is no field that can be changed; use {', '.join(PATHS)}.",
                field="update_mask",
            )
    asked = request.schedule
    set_ones = {field.name for field, _ in asked.ListFields()}
    return tuple(request.update_mask.paths) or tuple(path for path in PATHS if path in set_ones)
