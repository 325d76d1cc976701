"""How something is said in a session, and read again.

A message is one write: its number is part of its name, so of two that are stored at once one
takes the number and the other the next. Numbers have no gap, and a message's time is later
than that of the one before, so lists in the order of time are in the order of numbers. Its session
counts it afterwards; where a crash comes between, the event of the message has it counted.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from adjutant.event.v1 import chat_events_pb2, event_pb2
from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.errors import AdjutantError, not_found, suppress_not_found
from services.mesh.events import new_event
from services.mesh.names import parent_of
from services.mesh.store import Look, Page, RequestKey, Store, now
from services.orchestrator.chat.message import (
    ASSISTANT,
    CHAT_MESSAGES,
    TASK,
    USER,
    ChatMessageRecord,
    name_of,
    owner_of,
)
from services.orchestrator.chat.session import (
    SESSIONS,
    Events,
    SessionRecord,
    session_stands,
)
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.chat.words import query_of, words_of

MAX_QUERY_WORDS: Final = 16
TRIES: Final = 200
"""How many others may take a number first."""
_TITLE: Final = 80
"""Characters of a message that become the name of its session."""
_TICK: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Said:
    """What is to be stored, before it has a number."""

    text: str
    agent: str = ""
    """Whom it is for, or who says it."""
    response: str = ""
    """Name of the response that it belongs to."""


class ChatMessages:
    """What was said in sessions."""

    def __init__(self, store: Store, sessions: Sessions, max_messages: int = 0) -> None:
        """Take the most messages that a session may have; 0 is no limit."""
        self._store = store
        self._sessions = sessions
        self._max_messages = max_messages

    async def ask(
        self, session: SessionRecord, said: Said, request_id: str = "", digest: str = ""
    ) -> ChatMessageRecord:
        """Store what the session's user says; once for each request_id of the session.

        SESSION_FULL, REQUEST_ID_REUSED where the digest is another, NOT_FOUND where the session
        is gone.
        """
        key = RequestKey(session.name, f"ask {request_id}" if request_id else "", digest)
        draft = _draft(session, said, author=USER, user=session.user)
        return await self._append(session, draft, key)

    async def answer(self, question: ChatMessageRecord, said: Said) -> ChatMessageRecord:
        """Store what an agent says in answer to a message; once for each response.

        NOT_FOUND where the session is gone.
        """
        session = await self._store.get(SESSIONS, parent_of(question.name))
        key = RequestKey(session.name, f"answer {said.response}" if said.response else "", "")
        draft = _draft(session, said, author=ASSISTANT, reply_to=question.name)
        return await self._append(session, draft, key)

    async def tell(
        self, session: SessionRecord, text: str, task: str, event: str
    ) -> ChatMessageRecord:
        """Store what a task tells, once for each event. NOT_FOUND where the session is gone."""
        draft = _draft(session, Said(text), author=TASK, task=task)
        return await self._append(session, draft, RequestKey(session.name, f"tell {event}", ""))

    async def get(self, name: str) -> ChatMessageRecord:
        """Return a message of a session that the caller may see. NOT_FOUND."""
        await self._sessions.seen(parent_of(name))
        record = await self._store.find(CHAT_MESSAGES, name)
        if record is None:
            raise not_found("message", name)
        return record

    async def page(self, request: pb.ListMessagesRequest) -> Page[ChatMessageRecord]:
        """Return a page of a session's messages. NOT_FOUND, INVALID_FILTER, INVALID_PAGE_TOKEN."""
        await self._sessions.seen(request.parent)
        return await self._store.page(
            CHAT_MESSAGES,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def search(
        self, request: pb.SearchMessagesRequest
    ) -> tuple[Page[ChatMessageRecord], list[str]]:
        """Return a page of the caller's messages that a query finds, and what it asks for.

        INVALID_REQUEST, INVALID_PAGE_TOKEN.
        """
        words = query_of(request.query)
        if not 1 <= len(words) <= MAX_QUERY_WORDS:
            wrong = "no word" if not words else f"{len(words)} different words"
            message = f"The query has {wrong}; send one to {MAX_QUERY_WORDS}."
            raise AdjutantError("INVALID_REQUEST", message, field="query")
        page = await self._store.search(
            CHAT_MESSAGES,
            within=owner_of(request.parent, actor()),
            words=words,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return page, words

    async def on_message_added(self, event: event_pb2.Event) -> None:
        """Have a session count a message, where whoever stored it did not come to that."""
        number = event.chat_message_added.number
        session = await self._store.find(SESSIONS, event.resource)
        if session is None or session.message_count >= number:
            return
        if record := await self._store.find(CHAT_MESSAGES, name_of(session.name, number)):
            await self._count(record)

    async def _append(
        self, session: SessionRecord, draft: ChatMessageRecord, key: RequestKey
    ) -> ChatMessageRecord:
        number = session.message_count
        for _ in range(TRIES):
            before = await self._store.find(CHAT_MESSAGES, name_of(session.name, number))
            record = _numbered(draft, session.name, number + 1, before)
            try:
                stored = await self._insert(session.name, record, key)
            except AdjutantError as error:
                if error.reason != "ALREADY_EXISTS":
                    raise
                number += 1
                continue
            await self._count(stored)
            return stored
        busy = "Too much is being said in this session at once; send it again."
        raise AdjutantError("CONCURRENT_CHANGE", busy, retry_after_s=0.1)

    async def _insert(
        self, session: str, record: ChatMessageRecord, key: RequestKey
    ) -> ChatMessageRecord:
        stands = session_stands(session)

        def guard(look: Look) -> None:
            stands(look)
            # Here, where a repeat of what was accepted does not come.
            if self._max_messages and record.author == USER and record.number > self._max_messages:
                raise AdjutantError(
                    "SESSION_FULL",
                    f"The session has {record.number - 1} messages and may have "
                    f"{self._max_messages}; go on in a new one.",
                )

        added = chat_events_pb2.ChatMessageAdded(number=record.number)
        inserted = await self._store.insert(
            CHAT_MESSAGES,
            record,
            events=[new_event(resource=session, chat_message_added=added)],
            request=key,
            guard=guard,
        )
        return inserted.record

    async def _count(self, record: ChatMessageRecord) -> None:
        def change(session: SessionRecord) -> Events | None:
            if session.message_count >= record.number:
                return None
            session.message_count = record.number
            session.last_message_time = record.create_time
            session.display_name = session.display_name or _title(record)
            return []

        with suppress_not_found():  # it was removed meanwhile
            await self._store.update(SESSIONS, parent_of(record.name), change)


def _draft(session: SessionRecord, said: Said, **fields: str) -> ChatMessageRecord:
    """Return a message but for its place in the session."""
    time = now()
    return ChatMessageRecord(
        name=name_of(session.name, 0),
        create_time=time,
        update_time=time,
        number=0,
        text=said.text,
        agent=said.agent,
        response=said.response,
        owner=owner_of(parent_of(session.name), session.user),
        words=words_of(said.text),
        **fields,
    )


def _numbered(
    draft: ChatMessageRecord, session: str, number: int, before: ChatMessageRecord | None
) -> ChatMessageRecord:
    time = max(now(), before.create_time + _TICK) if before else now()
    place = {"name": name_of(session, number), "number": number}
    return draft.model_copy(update={**place, "create_time": time, "update_time": time})


def _title(record: ChatMessageRecord) -> str:
    """Return what a session is called after what was said first in it."""
    line = next((line for line in record.text.splitlines() if line.strip()), "").strip()
    return line if len(line) <= _TITLE else f"{line[: _TITLE - 1]}…"
