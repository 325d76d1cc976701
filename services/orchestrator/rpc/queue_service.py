"""QueueService over the wire."""

from collections.abc import AsyncIterator
from typing import Any

from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from adjutant.orchestrator.v1 import queue_service_pb2_grpc
from services.mesh.events import Filter, Hub
from services.orchestrator import convert
from services.orchestrator.queues.queues import KINDS, Queues, is_of_queues


class QueueService(queue_service_pb2_grpc.QueueServiceServicer):
    """See the contract."""

    def __init__(self, queues: Queues, hub: Hub) -> None:
        self._queues = queues
        self._hub = hub

    async def ListQueue(self, request: pb.ListQueueRequest, _: Any) -> pb.ListQueueResponse:
        """See the contract."""
        page = await self._queues.page(request)
        return pb.ListQueueResponse(
            tasks=[convert.task(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def ReorderTask(self, request: pb.ReorderTaskRequest, _: Any) -> pb.ReorderTaskResponse:
        """See the contract."""
        task = await self._queues.reorder(request)
        return pb.ReorderTaskResponse(task=convert.task(task))

    async def MoveTask(self, request: pb.MoveTaskRequest, _: Any) -> pb.MoveTaskResponse:
        """See the contract."""
        return pb.MoveTaskResponse(task=convert.task(await self._queues.move(request)))

    async def WatchQueues(
        self, request: pb.WatchQueuesRequest, _: Any
    ) -> AsyncIterator[pb.WatchQueuesResponse]:
        """See the contract."""
        events = Filter(parent=request.parent, kinds=KINDS)
        async for frame in self._hub.stream(events, request.cursor):
            if is_of_queues(frame.event):
                yield pb.WatchQueuesResponse(frame=frame)
