"""Sees that what was asked and answered stands in the session, and that responses expire.

A response's record is what was accepted and what came of it; the messages in the session follow
from it, under names that follow from its own. So whoever comes after a crash writes the same
ones again, and there is never one too many.
"""

from datetime import timedelta
from typing import Final

from services.mesh.errors import AdjutantError, suppress_not_found
from services.mesh.store import Store
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.response import RESPONSES, ResponseRecord, asked, settled

BATCH: Final = 100
REFUSALS: Final = ("NOT_FOUND", "SESSION_FULL")
"""Why a session takes no question; anything else says nothing of it and passes."""


class Settling:
    """Brings sessions up to what their responses came to."""

    def __init__(
        self, store: Store, conversation: Conversation, chunks: Chunks, ttl_s: float
    ) -> None:
        self._store = store
        self._conversation = conversation
        self._chunks = chunks
        self._ttl = timedelta(seconds=ttl_s)

    async def before(self, response: ResponseRecord) -> AdjutantError | None:
        """See that the session holds all that a response is to answer to.

        Returns why it takes the question in no more, or None.
        """
        page = await self._store.page(
            RESPONSES, parent=response.session, order_by="create_time desc", page_size=BATCH
        )
        for earlier in reversed(page.records):
            if earlier.is_final and not earlier.settled:
                await self.settle(earlier)
        try:
            await self.ask(response)
        except AdjutantError as refused:
            if refused.reason not in REFUSALS:
                raise
            return refused
        return None

    async def ask(self, response: ResponseRecord) -> ResponseRecord:
        """Put the question into the session. NOT_FOUND where that is gone."""
        if response.question:
            return response
        question = await self._conversation.ask(response)
        return await self._store.update(
            RESPONSES, response.name, lambda current: asked(current, question)
        )

    async def settle(self, seen: ResponseRecord) -> None:
        """Put what a response came to into its session, once it has ended."""
        with suppress_not_found():  # it was removed, with its session
            response = await self._store.get(RESPONSES, seen.name)
            if not response.is_final or response.settled:
                return
            if response.state != "COMPLETED":  # what it asked, it did not ask to the end
                await self._conversation.ask_nothing(response)
            message = await self._put(response)
            await self._store.update(
                RESPONSES, response.name, lambda current: settled(current, message, self._ttl)
            )

    async def _put(self, response: ResponseRecord) -> str:
        """Return the name of the message that a response made; empty where it can make none."""
        try:
            return await self._conversation.answer(await self.ask(response))
        except AdjutantError as refused:
            if refused.reason not in REFUSALS:
                raise
            return ""

    async def see_to(self, due: ResponseRecord) -> None:
        """Do what is due of a response: settle it, or remove it when it has expired."""
        if not due.settled:
            return await self.settle(due)
        await self._chunks.remove(due.name)
        with suppress_not_found():
            await self._store.delete(RESPONSES, due.name)
        return None
