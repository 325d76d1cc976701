"""The part of ChatService that is about responses."""

from collections.abc import AsyncIterator
from typing import Any

from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from adjutant.orchestrator.v1 import chat_service_pb2_grpc
from services.orchestrator.responses.feed import Place
from services.orchestrator.responses.reading import Reading
from services.orchestrator.responses.response import to_message
from services.orchestrator.responses.responses import Responses


class ResponseCalls(chat_service_pb2_grpc.ChatServiceServicer):
    """See the contract."""

    def __init__(self, responses: Responses, reading: Reading) -> None:
        self._responses = responses
        self._reading = reading

    async def SendMessage(self, request: pb.SendMessageRequest, _: Any) -> pb.SendMessageResponse:
        """See the contract."""
        record = await self._responses.send(request)
        place = await self._responses.place(record)
        return pb.SendMessageResponse(response=to_message(record, place))

    async def GetResponse(self, request: pb.GetResponseRequest, _: Any) -> pb.GetResponseResponse:
        """See the contract."""
        record = await self._responses.get(request.name)
        place = await self._responses.place(record)
        return pb.GetResponseResponse(response=to_message(record, place))

    async def ListResponses(
        self, request: pb.ListResponsesRequest, _: Any
    ) -> pb.ListResponsesResponse:
        """See the contract."""
        page = await self._responses.page(request)
        return pb.ListResponsesResponse(
            responses=[
                to_message(record, await self._responses.place(record)) for record in page.records
            ],
            next_page_token=page.next_page_token,
        )

    async def StreamResponse(
        self, request: pb.StreamResponseRequest, _: Any
    ) -> AsyncIterator[pb.StreamResponseResponse]:
        """See the contract."""
        place = Place(request.place.attempt, request.place.offset)
        async for frame in self._reading.stream(request.name, place):
            yield pb.StreamResponseResponse(frame=frame)

    async def CancelResponse(
        self, request: pb.CancelResponseRequest, _: Any
    ) -> pb.CancelResponseResponse:
        """See the contract."""
        record = await self._responses.cancel(request.name)
        place = await self._responses.place(record)
        return pb.CancelResponseResponse(response=to_message(record, place))
