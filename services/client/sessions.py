"""Sessions: one's conversations with agents."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence

EVERYBODY: Final = "-"
"""As `user`: the sessions of everybody, for who may manage the project."""
_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ChatService/"
_CREATE = Method(
    _SERVICE, _PATH + "CreateSession", v1.CreateSessionRequest, v1.CreateSessionResponse
)
_GET = Method(_SERVICE, _PATH + "GetSession", v1.GetSessionRequest, v1.GetSessionResponse)
_LIST = Method(_SERVICE, _PATH + "ListSessions", v1.ListSessionsRequest, v1.ListSessionsResponse)
_UPDATE = Method(
    _SERVICE, _PATH + "UpdateSession", v1.UpdateSessionRequest, v1.UpdateSessionResponse
)
_DELETE = Method(
    _SERVICE, _PATH + "DeleteSession", v1.DeleteSessionRequest, v1.DeleteSessionResponse
)
_MESSAGES = Method(
    _SERVICE, _PATH + "ListMessages", v1.ListMessagesRequest, v1.ListMessagesResponse
)
_MESSAGE = Method(_SERVICE, _PATH + "GetMessage", v1.GetMessageRequest, v1.GetMessageResponse)
_SEARCH = Method(
    _SERVICE, _PATH + "SearchMessages", v1.SearchMessagesRequest, v1.SearchMessagesResponse
)
_EXPORT = Method(
    _SERVICE, _PATH + "ExportSession", v1.ExportSessionRequest, v1.ExportSessionResponse
)


class Sessions:
    """The sessions in a project; `Adjutant.sessions`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self, *, display_name: str = "", agent: str = "", request_id: str = ""
    ) -> v1.Session:
        """Make a session; without an `agent` one is found for each message.

        Repeating the call with the same `request_id` returns the same session.
        """
        request = v1.CreateSessionRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            session=v1.Session(display_name=display_name, agent=agent),
        )
        return present((await self._transport.unary(_CREATE, request)).session)

    async def get(self, name: str) -> v1.Session:
        """Return a session by its full name."""
        request = v1.GetSessionRequest(name=name)
        return present((await self._transport.unary(_GET, request)).session)

    async def list(
        self,
        *,
        user: str = "",
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Session, None]:
        """Yield one's own sessions, or another's, newest first unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.Session], str]:
            request = v1.ListSessionsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
                user=user,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.sessions, answer.next_page_token

        async for session in pages(page):
            yield session

    async def update(self, name: str, changes: v1.Session, paths: Sequence[str] = ()) -> v1.Session:
        """Change the fields that `paths` name, or all that are set, and return the session.

        With an `etag` in `changes` the session must still be that one.
        """
        request = v1.UpdateSessionRequest(
            name=name, session=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).session)

    async def delete(self, name: str) -> None:
        """Remove a session for good, with its messages."""
        await self._transport.unary(_DELETE, v1.DeleteSessionRequest(name=name))

    async def messages(
        self,
        session: str,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.ChatMessage, None]:
        """Yield a session's messages, newest first; `create_time asc` begins with the first."""

        async def page(token: str) -> tuple[list[v1.ChatMessage], str]:
            request = v1.ListMessagesRequest(
                parent=session,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_MESSAGES, request)
            return answer.messages, answer.next_page_token

        async for message in pages(page):
            yield message

    async def message(self, name: str) -> v1.ChatMessage:
        """Return a message by its full name."""
        request = v1.GetMessageRequest(name=name)
        return present((await self._transport.unary(_MESSAGE, request)).message)

    async def search(
        self, query: str, *, page_size: int = 50
    ) -> AsyncGenerator[v1.ChatMatch, None]:
        """Yield what was said in one's sessions with a word that begins like each of the query's.

        Newest first; case and accents make no difference.
        """

        async def page(token: str) -> tuple[list[v1.ChatMatch], str]:
            request = v1.SearchMessagesRequest(
                parent=self._parent, query=query, page_size=page_size, page_token=token
            )
            answer = await self._transport.unary(_SEARCH, request)
            return answer.matches, answer.next_page_token

        async for match in pages(page):
            yield match

    async def export(
        self,
        name: str,
        format: v1.ExportFormat = v1.ExportFormat.MARKDOWN,  # noqa: A002 - the contract's name
    ) -> AsyncIterator[bytes]:
        """Yield a session and its messages as one document in UTF-8, in pieces."""
        request = v1.ExportSessionRequest(name=name, format=format)
        async for piece in self._transport.stream(_EXPORT, request):
            yield piece.data
