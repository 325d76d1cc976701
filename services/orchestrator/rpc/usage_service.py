"""UsageService over the wire."""

from collections.abc import AsyncIterator
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import usage_service_pb2 as pb
from adjutant.orchestrator.v1 import usage_service_pb2_grpc
from services.mesh.events import Filter, Hub
from services.orchestrator.usage.sums import Sums

KINDS: Final = frozenset(
    {
        event_pb2.EVENT_KIND_USAGE_RECORDED,
        event_pb2.EVENT_KIND_BUDGET_WARNED,
        event_pb2.EVENT_KIND_BUDGET_EXHAUSTED,
    }
)


class UsageService(usage_service_pb2_grpc.UsageServiceServicer):
    """See the contract."""

    def __init__(self, sums: Sums, hub: Hub) -> None:
        self._sums = sums
        self._hub = hub

    async def QueryUsage(self, request: pb.QueryUsageRequest, _: Any) -> pb.QueryUsageResponse:
        """See the contract."""
        return await self._sums.query(request)

    async def WatchUsage(
        self, request: pb.WatchUsageRequest, _: Any
    ) -> AsyncIterator[pb.WatchUsageResponse]:
        """See the contract."""
        events = Filter(parent=request.parent, kinds=KINDS)
        async for frame in self._hub.stream(events, request.cursor):
            yield pb.WatchUsageResponse(frame=frame)
