"""Schedules: tasks that are handed in again and again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ScheduleService/"
_CREATE = Method(
    _SERVICE, _PATH + "CreateSchedule", v1.CreateScheduleRequest, v1.CreateScheduleResponse
)
_GET = Method(_SERVICE, _PATH + "GetSchedule", v1.GetScheduleRequest, v1.GetScheduleResponse)
_LIST = Method(_SERVICE, _PATH + "ListSchedules", v1.ListSchedulesRequest, v1.ListSchedulesResponse)
_UPDATE = Method(
    _SERVICE, _PATH + "UpdateSchedule", v1.UpdateScheduleRequest, v1.UpdateScheduleResponse
)
_DELETE = Method(
    _SERVICE, _PATH + "DeleteSchedule", v1.DeleteScheduleRequest, v1.DeleteScheduleResponse
)
_TRIGGER = Method(
    _SERVICE, _PATH + "TriggerSchedule", v1.TriggerScheduleRequest, v1.TriggerScheduleResponse
)


class Schedules:
    """The schedules of a project; `Adjutant.schedules`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        schedule_id: str,
        cron: str,
        task: v1.SubmitTaskRequest,
        *,
        time_zone: str = "",
        display_name: str = "",
        missed: v1.MissedTickPolicy = v1.MissedTickPolicy.UNSPECIFIED,
        overlap: v1.OverlapPolicy = v1.OverlapPolicy.UNSPECIFIED,
        paused: bool = False,
        request_id: str = "",
    ) -> v1.Schedule:
        """Hand in a task at each time that `cron` names, in an IANA zone or UTC.

        `task` is as for `tasks.submit`; its parent is set here. Repeating the call with the same
        `request_id` returns the same schedule.
        """
        task.parent = self._parent
        schedule = v1.Schedule(
            display_name=display_name,
            cron=cron,
            time_zone=time_zone,
            task=task,
            missed_tick_policy=missed,
            overlap_policy=overlap,
            paused=paused,
        )
        request = v1.CreateScheduleRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            schedule_id=schedule_id,
            schedule=schedule,
        )
        return present((await self._transport.unary(_CREATE, request)).schedule)

    async def get(self, name: str) -> v1.Schedule:
        """Return a schedule by its full name."""
        request = v1.GetScheduleRequest(name=name)
        return present((await self._transport.unary(_GET, request)).schedule)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Schedule, None]:
        """Yield the schedules of the project, newest first unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.Schedule], str]:
            request = v1.ListSchedulesRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.schedules, answer.next_page_token

        async for schedule in pages(page):
            yield schedule

    async def update(
        self, name: str, changes: v1.Schedule, paths: Sequence[str] = ()
    ) -> v1.Schedule:
        """Change the fields that `paths` name, or all that are set, and return the schedule.

        With an `etag` in `changes` the schedule must still be that one.
        """
        if changes.task is not None:
            changes.task.parent = self._parent
        request = v1.UpdateScheduleRequest(
            name=name, schedule=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).schedule)

    async def delete(self, name: str) -> None:
        """Remove a schedule; the tasks that it made stay."""
        await self._transport.unary(_DELETE, v1.DeleteScheduleRequest(name=name))

    async def trigger(self, name: str, *, request_id: str = "") -> v1.Task:
        """Hand in a schedule's task now, and return it; once for each `request_id`."""
        request = v1.TriggerScheduleRequest(name=name, request_id=request_id or str(uuid.uuid4()))
        return present((await self._transport.unary(_TRIGGER, request)).task)
