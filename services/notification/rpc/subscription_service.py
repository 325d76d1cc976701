"""SubscriptionService over the wire."""

from collections.abc import AsyncIterator
from typing import Any

from adjutant.notification.v1 import subscription_service_pb2 as pb
from adjutant.notification.v1 import subscription_service_pb2_grpc
from services.mesh.events import Filter, Hub


class SubscriptionService(subscription_service_pb2_grpc.SubscriptionServiceServicer):
    """See the contract."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def Subscribe(
        self, request: pb.SubscribeRequest, _: Any
    ) -> AsyncIterator[pb.SubscribeResponse]:
        """See the contract."""
        events = _filter(request)
        async for frame in self._hub.stream(events, request.cursor, from_start=request.from_start):
            yield pb.SubscribeResponse(frame=frame)


def _filter(request: pb.SubscribeRequest) -> Filter:
    return Filter(request.parent, task=request.task, kinds=frozenset(request.kinds))
