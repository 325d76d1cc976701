"""A session as one document, a piece at a time."""

import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from google.protobuf import json_format

from services.mesh.store import Store
from services.orchestrator.chat import message as messages
from services.orchestrator.chat import session as sessions
from services.orchestrator.chat.message import CHAT_MESSAGES, USER, ChatMessageRecord
from services.orchestrator.chat.session import SessionRecord

CHUNK: Final = 64 * 1024
"""Bytes of a piece at most."""
_BATCH: Final = 100


class Exports:
    """Writes sessions out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def markdown(self, session: SessionRecord) -> AsyncIterator[bytes]:
        """Yield a page to read."""
        async for piece in _pieces(self._markdown(session)):
            yield piece

    async def json(self, session: SessionRecord) -> AsyncIterator[bytes]:
        """Yield an object of the session and its messages, in the contract's JSON form."""
        async for piece in _pieces(self._json(session)):
            yield piece

    async def _markdown(self, session: SessionRecord) -> AsyncIterator[str]:
        title = session.display_name or "Session without a name"
        yield f"# {title}\n\n{session.name} of {session.user}, {_moment(session.create_time)}\n"
        async for record in self._messages(session.name):
            yield f"\n## {record.number} · {_speaker(record)} · {_moment(record.create_time)}\n\n"
            yield record.text.rstrip("\n") + "\n"

    async def _json(self, session: SessionRecord) -> AsyncIterator[str]:
        yield '{"session": ' + _object(sessions.to_message(session)) + ',\n"messages": ['
        separator = "\n"
        async for record in self._messages(session.name):
            yield separator + _object(messages.to_message(record))
            separator = ",\n"
        yield "\n]}\n"

    async def _messages(self, session: str) -> AsyncIterator[ChatMessageRecord]:
        token = ""
        while True:
            page = await self._store.page(
                CHAT_MESSAGES,
                parent=session,
                order_by="create_time asc",
                page_size=_BATCH,
                page_token=token,
            )
            for record in page.records:
                yield record
            if not (token := page.next_page_token):
                return


async def _pieces(texts: AsyncIterator[str]) -> AsyncIterator[bytes]:
    """Yield texts as pieces of the size that a message has, the last one smaller."""
    waiting = bytearray()
    async for text in texts:
        waiting += text.encode()
        while len(waiting) >= CHUNK:
            yield bytes(waiting[:CHUNK])
            del waiting[:CHUNK]
    if waiting:
        yield bytes(waiting)


def _speaker(record: ChatMessageRecord) -> str:
    if record.author == USER:
        return f"{record.user} to {record.agent}" if record.agent else record.user
    return record.task or record.agent or "assistant"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _object(message: Any) -> str:
    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False)
