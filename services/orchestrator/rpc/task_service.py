"""TaskService over the wire."""

from collections.abc import AsyncIterator
from typing import Any

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import task_service_pb2 as pb
from adjutant.orchestrator.v1 import task_service_pb2_grpc
from services.mesh.events import Ending, Filter, Hub
from services.mesh.events.envelope import kind_token, subject_of_resource
from services.mesh.names import parent_of
from services.orchestrator import convert
from services.orchestrator.plans.preview import Previews
from services.orchestrator.rpc import estimates
from services.orchestrator.tasks.task import TASK_STATES
from services.orchestrator.tasks.tasks import Tasks

_FINAL = {task_pb2.TaskState.Value(convert.task_state(state)) for state in TASK_STATES.final}
_CHANGED = kind_token(event_pb2.EVENT_KIND_TASK_STATE_CHANGED)


class TaskService(task_service_pb2_grpc.TaskServiceServicer):
    """See the contract."""

    def __init__(self, tasks: Tasks, previews: Previews, hub: Hub) -> None:
        self._tasks = tasks
        self._previews = previews
        self._hub = hub

    async def SubmitTask(self, request: pb.SubmitTaskRequest, _: Any) -> pb.SubmitTaskResponse:
        """See the contract."""
        return pb.SubmitTaskResponse(task=convert.task(await self._tasks.submit(request)))

    async def EstimateTask(
        self, request: pb.EstimateTaskRequest, _: Any
    ) -> pb.EstimateTaskResponse:
        """See the contract."""
        return estimates.preview(await self._previews.preview(request))

    async def GetTask(self, request: pb.GetTaskRequest, _: Any) -> pb.GetTaskResponse:
        """See the contract."""
        return pb.GetTaskResponse(task=convert.task(await self._tasks.get(request.name)))

    async def ListTasks(self, request: pb.ListTasksRequest, _: Any) -> pb.ListTasksResponse:
        """See the contract."""
        page = await self._tasks.page(request)
        return pb.ListTasksResponse(
            tasks=[convert.task(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def CancelTask(self, request: pb.CancelTaskRequest, _: Any) -> pb.CancelTaskResponse:
        """See the contract."""
        return pb.CancelTaskResponse(task=convert.task(await self._tasks.cancel(request.name)))

    async def RetryTask(self, request: pb.RetryTaskRequest, _: Any) -> pb.RetryTaskResponse:
        """See the contract."""
        task = await self._tasks.retry(request.name, request.request_id)
        return pb.RetryTaskResponse(task=convert.task(task))

    async def WatchTask(
        self, request: pb.WatchTaskRequest, _: Any
    ) -> AsyncIterator[pb.WatchTaskResponse]:
        """See the contract."""
        task = await self._tasks.get(request.name)
        events = Filter(parent=parent_of(task.name), task=task.name)
        subject = f"{subject_of_resource(task.name)}.{_CHANGED}"

        async def is_reopened() -> bool:
            return not TASK_STATES.is_final((await self._tasks.get(task.name)).state)

        is_over = TASK_STATES.is_final(task.state)
        ending = Ending(subject, _is_final, is_over, is_reopened=is_reopened)
        async for frame in self._hub.stream(
            events, request.cursor, since=task.create_time, ending=ending
        ):
            yield pb.WatchTaskResponse(frame=frame)


def _is_final(event: event_pb2.Event) -> bool:
    return event.task_state_changed.state in _FINAL
