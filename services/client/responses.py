"""Responses: say something in a session, and read the answer as it is made."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.streams import ReconnectPolicy, resumed, until_reachable
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ChatService/"
_SEND = Method(_SERVICE, _PATH + "SendMessage", v1.SendMessageRequest, v1.SendMessageResponse)
_GET = Method(_SERVICE, _PATH + "GetResponse", v1.GetResponseRequest, v1.GetResponseResponse)
_LIST = Method(_SERVICE, _PATH + "ListResponses", v1.ListResponsesRequest, v1.ListResponsesResponse)
_STREAM = Method(
    _SERVICE, _PATH + "StreamResponse", v1.StreamResponseRequest, v1.StreamResponseResponse
)
_CANCEL = Method(
    _SERVICE, _PATH + "CancelResponse", v1.CancelResponseRequest, v1.CancelResponseResponse
)


class Responses:
    """Answers in sessions; `Adjutant.responses`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._policy = policy

    async def send(
        self, session: str, text: str, *, agent: str = "", model: str = "", request_id: str = ""
    ) -> v1.Response:
        """Say something in a session, and return the response that is made from then on.

        It is made whether or not anybody reads it. `agent` is who answers, else the session's;
        `model` which model, else one that the size of the conversation chooses. Repeating the
        call with the same `request_id` returns the same response.
        """
        request = v1.SendMessageRequest(
            parent=session,
            request_id=request_id or str(uuid.uuid4()),
            text=text,
            agent=agent,
            model=model,
        )
        return present((await self._transport.unary(_SEND, request)).response)

    async def get(self, name: str) -> v1.Response:
        """Return a response by its full name; its text stands there when it has ended."""
        request = v1.GetResponseRequest(name=name)
        return present((await self._transport.unary(_GET, request)).response)

    async def list(
        self,
        session: str,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Response, None]:
        """Yield the responses of a session, newest first unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.Response], str]:
            request = v1.ListResponsesRequest(
                parent=session,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.responses, answer.next_page_token

        async for response in pages(page):
            yield response

    async def stream(
        self, name: str, *, place: v1.ResponsePlace | None = None, heartbeats: bool = False
    ) -> AsyncGenerator[v1.ResponseFrame, None]:
        """Yield a response as it is made, from a place or its beginning on, to its end.

        `place` is `next` of the last frame that was taken in. A frame with `reset` says that the
        text so far is to be forgotten; the last one has `ended`. A lost connection is taken up
        again where it was.
        """

        async def open_at(position: v1.ResponsePlace | None) -> AsyncIterator[v1.ResponseFrame]:
            request = v1.StreamResponseRequest(name=name, place=position)
            async for answer in self._transport.stream(_STREAM, request):
                yield present(answer.frame)

        async for frame in resumed(open_at, place, _next, policy=self._policy):
            if frame.heartbeat is None or heartbeats:
                yield frame

    async def wait(self, name: str) -> v1.Response:
        """Return a response when it has ended."""
        async for _ in self.stream(name):
            pass
        return await until_reachable(lambda: self.get(name), self._policy)

    async def cancel(self, name: str) -> v1.Response:
        """Have a response stopped; it is CANCELLED when whoever makes it has stopped."""
        request = v1.CancelResponseRequest(name=name)
        return present((await self._transport.unary(_CANCEL, request)).response)


def _next(frame: v1.ResponseFrame) -> v1.ResponsePlace | None:
    return frame.next
