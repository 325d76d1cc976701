"""A schedule of the load: it hands in a task again and again until it is removed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import grpc

from adjutant.orchestrator.v1 import schedule_pb2, schedule_service_pb2, task_service_pb2
from tests.chaos import user
from tests.chaos.marks import Marks
from tests.support.mesh import Caller

CRON: Final = "*/7 * * * * *"
"""Each seven seconds; what comes while the task before goes on makes no other."""


@dataclass(frozen=True)
class Timetable:
    """A schedule as the person sees it who made it."""

    key: str
    """Title of its tasks, and the last part of its name."""
    project: str
    marks: Marks
    callers: Sequence[Caller]

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.project}/schedules/{self.key}"

    async def create(self) -> None:
        """Make it."""
        task = task_service_pb2.SubmitTaskRequest(
            parent=self.project,
            title=self.key,
            instructions="\n".join(
                [self.marks.step("first", sleep_s=0.1), self.marks.step("second", sleep_s=0.1)]
            ),
        )
        request = schedule_service_pb2.CreateScheduleRequest(
            parent=self.project,
            request_id=f"make {self.key}",
            schedule_id=self.key,
            schedule=schedule_pb2.Schedule(cron=CRON, task=task),
        )
        await user.call(self.callers, "schedules.CreateSchedule", request)

    async def remove(self) -> None:
        """Remove it; what it handed in goes on."""
        request = schedule_service_pb2.DeleteScheduleRequest(name=self.name)
        try:
            await user.call(self.callers, "schedules.DeleteSchedule", request)
        except grpc.aio.AioRpcError as error:
            # An attempt whose answer was lost did remove it.
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
