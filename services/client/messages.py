"""Messages: what tasks are told while they are being worked on."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.TaskMessageService/"
_SEND = Method(
    _SERVICE, _PATH + "SendTaskMessage", v1.SendTaskMessageRequest, v1.SendTaskMessageResponse
)
_LIST = Method(
    _SERVICE, _PATH + "ListTaskMessages", v1.ListTaskMessagesRequest, v1.ListTaskMessagesResponse
)


class TaskMessages:
    """Messages to tasks; `Adjutant.messages`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, task: str, text: str, *, request_id: str = "") -> v1.TaskMessage:
        """Tell a task, by its full name, something; it is handed over once.

        A checklist adds its steps to the task's plan; anything else is there for every run that is
        started from then on. Repeating the call with the same `request_id` sends nothing twice.
        """
        request = v1.SendTaskMessageRequest(
            parent=task, text=text, request_id=request_id or str(uuid.uuid4())
        )
        return present((await self._transport.unary(_SEND, request)).message)

    async def list(
        self, task: str, *, order_by: str = "create_time asc", page_size: int = 100
    ) -> AsyncGenerator[v1.TaskMessage, None]:
        """Yield a task's messages, oldest first unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.TaskMessage], str]:
            request = v1.ListTaskMessagesRequest(
                parent=task, page_size=page_size, page_token=token, order_by=order_by
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.messages, answer.next_page_token

        async for message in pages(page):
            yield message
