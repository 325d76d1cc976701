"""What callers do with responses."""

from collections.abc import Sequence

from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.errors import AdjutantError, suppress_not_found
from services.mesh.names import child, new_id
from services.mesh.store import Page, Store, now
from services.orchestrator.agents.authority import current_authority
from services.orchestrator.chat.session import session_stands
from services.orchestrator.requests import request_key
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.dispatcher import Dispatcher
from services.orchestrator.responses.places import Places
from services.orchestrator.responses.response import (
    RESPONSES,
    UNFINISHED,
    ResponseRecord,
    announce_new,
    ask_to_cancel,
)
from services.orchestrator.responses.settling import REFUSALS, Settling


class Responses:
    """The responses of sessions."""

    def __init__(
        self,
        store: Store,
        conversation: Conversation,
        settling: Settling,
        dispatcher: Dispatcher,
    ) -> None:
        self._store = store
        self._conversation = conversation
        self._settling = settling
        self._dispatcher = dispatcher
        self._places = Places(store)

    async def send(self, request: pb.SendMessageRequest) -> ResponseRecord:
        """Accept a message; its response is made from now on.

        NOT_FOUND, PERMISSION_DENIED, REQUEST_ID_REUSED, SESSION_FULL.
        """
        agent = await self._conversation.may_write(request.parent)
        time = now()
        record = ResponseRecord(
            name=child(request.parent, "responses", new_id()),
            create_time=time,
            update_time=time,
            user=actor(),
            authority=current_authority(),
            prompt=request.text,
            agent=request.agent or agent,
            model=request.model,
        )
        inserted = await self._store.insert(
            RESPONSES,
            record,
            events=announce_new(record),
            request=request_key(request.parent, request),
            guard=session_stands(request.parent),
        )
        # The record is what was accepted; where this is cut off, whoever makes it goes on here.
        try:
            response = await self._settling.ask(inserted.record)
        except AdjutantError as refused:
            if refused.reason in REFUSALS:  # nothing was accepted
                with suppress_not_found():
                    await self._store.delete(RESPONSES, inserted.record.name)
            raise
        await self._dispatcher.tell()
        return response

    async def get(self, name: str) -> ResponseRecord:
        """Return a response. NOT_FOUND."""
        record = await self._store.get(RESPONSES, name)
        await self._conversation.may_read(record.session)
        return record

    async def page(self, request: pb.ListResponsesRequest) -> Page[ResponseRecord]:
        """Return a page of a session's responses. NOT_FOUND, INVALID_FILTER, INVALID_PAGE_TOKEN."""
        await self._conversation.may_read(request.parent)
        return await self._store.page(
            RESPONSES,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def cancel(self, name: str) -> ResponseRecord:
        """Have a response stopped; one that has ended stays as it is. NOT_FOUND."""
        record = await self._store.get(RESPONSES, name)
        await self._conversation.may_write(record.session)
        record = await self._store.update(RESPONSES, name, ask_to_cancel)
        if record.is_final and not record.settled:
            await self._settling.settle(record)
            record = await self._store.get(RESPONSES, name)
        await self._dispatcher.tell()
        return record

    async def busy(self, sessions: Sequence[str]) -> frozenset[str]:
        """Return which of some sessions have an answer that has not ended."""
        if not sessions:
            return frozenset()
        where = {"parent": sessions, "state": UNFINISHED}
        found = [record.session async for record in self._store.scan(RESPONSES, where)]
        return frozenset(found)

    async def place(self, record: ResponseRecord) -> int:
        """Return a response's place among its client's that wait; 0 where it does not wait."""
        return await self._places.of(record.name) if record.state == "QUEUED" else 0
