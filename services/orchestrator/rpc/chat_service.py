"""ChatService over the wire."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from adjutant.orchestrator.v1 import chat_message_pb2, session_pb2
from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from services.orchestrator.chat import message as messages
from services.orchestrator.chat import session as sessions
from services.orchestrator.chat.export import Exports
from services.orchestrator.chat.message import ChatMessageRecord
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SessionRecord
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.chat.words import snippet_of
from services.orchestrator.responses.reading import Reading
from services.orchestrator.responses.responses import Responses
from services.orchestrator.rpc.response_calls import ResponseCalls


class ChatService(ResponseCalls):
    """See the contract."""

    def __init__(
        self,
        sessions: Sessions,
        messages: ChatMessages,
        exports: Exports,
        responses: Responses,
        reading: Reading,
    ) -> None:
        super().__init__(responses, reading)
        self._sessions = sessions
        self._messages = messages
        self._exports = exports

    async def CreateSession(
        self, request: pb.CreateSessionRequest, _: Any
    ) -> pb.CreateSessionResponse:
        """See the contract."""
        record = await self._sessions.create(request)
        return pb.CreateSessionResponse(session=await self._told(record))

    async def GetSession(self, request: pb.GetSessionRequest, _: Any) -> pb.GetSessionResponse:
        """See the contract."""
        record = await self._sessions.seen(request.name)
        return pb.GetSessionResponse(session=await self._told(record))

    async def ListSessions(
        self, request: pb.ListSessionsRequest, _: Any
    ) -> pb.ListSessionsResponse:
        """See the contract."""
        page = await self._sessions.page(request)
        busy = await self._responses.busy([record.name for record in page.records])
        return pb.ListSessionsResponse(
            sessions=[
                sessions.to_message(record, busy=record.name in busy) for record in page.records
            ],
            next_page_token=page.next_page_token,
        )

    async def UpdateSession(
        self, request: pb.UpdateSessionRequest, _: Any
    ) -> pb.UpdateSessionResponse:
        """See the contract."""
        record = await self._sessions.update(request)
        return pb.UpdateSessionResponse(session=await self._told(record))

    async def DeleteSession(
        self, request: pb.DeleteSessionRequest, _: Any
    ) -> pb.DeleteSessionResponse:
        """See the contract."""
        await self._sessions.delete(request.name)
        return pb.DeleteSessionResponse()

    async def ListMessages(
        self, request: pb.ListMessagesRequest, _: Any
    ) -> pb.ListMessagesResponse:
        """See the contract."""
        page = await self._messages.page(request)
        return pb.ListMessagesResponse(
            messages=[messages.to_message(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def GetMessage(self, request: pb.GetMessageRequest, _: Any) -> pb.GetMessageResponse:
        """See the contract."""
        record = await self._messages.get(request.name)
        return pb.GetMessageResponse(message=messages.to_message(record))

    async def SearchMessages(
        self, request: pb.SearchMessagesRequest, _: Any
    ) -> pb.SearchMessagesResponse:
        """See the contract."""
        page, words = await self._messages.search(request)
        return pb.SearchMessagesResponse(
            matches=[_match(record, words) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def ExportSession(
        self, request: pb.ExportSessionRequest, _: Any
    ) -> AsyncIterator[pb.ExportSessionResponse]:
        """See the contract."""
        session = await self._sessions.seen(request.name)
        is_json = request.format == pb.EXPORT_FORMAT_JSON
        write = self._exports.json if is_json else self._exports.markdown
        async for data in write(session):
            yield pb.ExportSessionResponse(data=data)

    async def _told(self, record: SessionRecord) -> session_pb2.Session:
        busy = await self._responses.busy([record.name])
        return sessions.to_message(record, busy=record.name in busy)


def _match(record: ChatMessageRecord, words: Sequence[str]) -> chat_message_pb2.ChatMatch:
    snippet = snippet_of(record.text, words)
    message = messages.to_message(record)
    message.ClearField("text")
    return chat_message_pb2.ChatMatch(
        message=message,
        snippet=snippet.text,
        highlights=[
            chat_message_pb2.TextRange(start=start, end=end) for start, end in snippet.highlights
        ],
    )
