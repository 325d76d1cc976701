"""Saying things in sessions as the orchestrator does, for tests of what is done with them."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from services.mesh.access.rights import Rights
from services.mesh.identity import Principal
from services.mesh.store import Store, open_store_for
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.chat.message import ChatMessageRecord
from services.orchestrator.chat.messages import ChatMessages, Said
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.settings import OrchestratorSettings


class Nobody:
    """Grants nothing: outside of a call nobody asks."""

    def permissions(self, _: Principal, __: str) -> frozenset[int]:
        """Return what a principal may do."""
        return frozenset()


class Speaker:
    """One more replica of the orchestrator, as far as sessions go."""

    def __init__(self, store: Store, max_messages: int = 0) -> None:
        self.store = store
        self.messages = ChatMessages(store, Sessions(store, Rights(Nobody())), max_messages)

    async def ask(
        self, session: str, text: str, request_id: str = "", digest: str = ""
    ) -> ChatMessageRecord:
        """Say something as a session's user."""
        record = await self.store.get(SESSIONS, session)
        return await self.messages.ask(record, Said(text), request_id, digest)

    async def answer(
        self, question: ChatMessageRecord, text: str, response: str = ""
    ) -> ChatMessageRecord:
        """Answer as an agent."""
        return await self.messages.answer(question, Said(text, "reviewer", response))


@contextlib.asynccontextmanager
async def speaker(data_dir: Path, **settings: Any) -> AsyncIterator[Speaker]:
    """Open the orchestrator's store of a mesh once more, for the block."""
    options = OrchestratorSettings.model_validate({"data_dir": data_dir, **settings})
    store = await open_store_for(options, COLLECTIONS)
    try:
        yield Speaker(store, options.chat_max_messages)
    finally:
        await store.close()
