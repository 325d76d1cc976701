"""ScheduleService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import schedule_service_pb2 as pb
from adjutant.orchestrator.v1 import schedule_service_pb2_grpc
from services.orchestrator import convert
from services.orchestrator.schedules.schedule import to_message
from services.orchestrator.schedules.schedules import Schedules


class ScheduleService(schedule_service_pb2_grpc.ScheduleServiceServicer):
    """See the contract."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    async def CreateSchedule(
        self, request: pb.CreateScheduleRequest, _: Any
    ) -> pb.CreateScheduleResponse:
        """See the contract."""
        record = await self._schedules.create(request)
        return pb.CreateScheduleResponse(schedule=to_message(record))

    async def GetSchedule(self, request: pb.GetScheduleRequest, _: Any) -> pb.GetScheduleResponse:
        """See the contract."""
        record = await self._schedules.get(request.name)
        return pb.GetScheduleResponse(schedule=to_message(record))

    async def ListSchedules(
        self, request: pb.ListSchedulesRequest, _: Any
    ) -> pb.ListSchedulesResponse:
        """See the contract."""
        page = await self._schedules.page(request)
        return pb.ListSchedulesResponse(
            schedules=[to_message(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateSchedule(
        self, request: pb.UpdateScheduleRequest, _: Any
    ) -> pb.UpdateScheduleResponse:
        """See the contract."""
        record = await self._schedules.update(request)
        return pb.UpdateScheduleResponse(schedule=to_message(record))

    async def DeleteSchedule(
        self, request: pb.DeleteScheduleRequest, _: Any
    ) -> pb.DeleteScheduleResponse:
        """See the contract."""
        await self._schedules.delete(request.name)
        return pb.DeleteScheduleResponse()

    async def TriggerSchedule(
        self, request: pb.TriggerScheduleRequest, _: Any
    ) -> pb.TriggerScheduleResponse:
        """See the contract."""
        task = await self._schedules.trigger(request.name, request.request_id)
        return pb.TriggerScheduleResponse(task=convert.task(task))
