"""What an agent is told beside the message to answer: what was said before, and what is known.

Both stay within bounds, and it is said where something was left out. The message itself is never
cut; whether a model can take all of it is for whoever selects the model to say.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.mesh.names import parent_of
from services.mesh.store import Store
from services.orchestrator.chat.message import (
    CHAT_MESSAGES,
    USER,
    ChatMessageRecord,
    number_of,
)

_BATCH: Final = 50
Tokens = Callable[[str], int]
"""Estimates how many tokens a text is."""


@dataclass(frozen=True)
class Passage:
    """A piece of what is known, found for a message."""

    source: str
    """Resource name or address of where it is from."""
    text: str


class Retriever(Protocol):
    """Finds what is known."""

    async def retrieve(self, project: str, user: str, query: str) -> Sequence[Passage]:
        """Return what a project's user may see that bears on a text, the most fitting first."""


@dataclass(frozen=True)
class Bounds:
    """How much an agent is told."""

    history_messages: int
    """Messages before the one to answer, at most."""
    history_tokens: int
    """Estimated tokens of those together, at most."""
    retrieved_tokens: int
    """Estimated tokens of what was retrieved, at most."""


@dataclass(frozen=True)
class Context:
    """What an agent is told."""

    question: ChatMessageRecord
    """The message to answer."""
    history: tuple[ChatMessageRecord, ...]
    """What was said before, oldest first, each answer right after what it answers."""
    passages: tuple[Passage, ...]
    """What is known, the most fitting first."""
    history_complete: bool
    """Whether nothing that was said before is left out."""
    passages_complete: bool
    """Whether nothing that was found is left out."""


class Contexts:
    """Puts together what agents are told."""

    def __init__(
        self, store: Store, bounds: Bounds, tokens: Tokens, retrievers: Sequence[Retriever] = ()
    ) -> None:
        """Take where sessions are kept and who knows something; with nobody, nothing is known."""
        self._store = store
        self._bounds = bounds
        self._tokens = tokens
        self._retrievers = retrievers

    async def of(self, question: ChatMessageRecord) -> Context:
        """Return what an agent is told that is to answer a message.

        What the user said after it is no part of that, nor are answers to it or to what came later.
        """
        history, history_complete = await self._history(question)
        passages, passages_complete = await self._retrieved(question)
        return Context(question, history, passages, history_complete, passages_complete)

    async def _history(
        self, question: ChatMessageRecord
    ) -> tuple[tuple[ChatMessageRecord, ...], bool]:
        """Return the newest messages that fit, in order, and whether those are all."""
        kept: list[ChatMessageRecord] = []
        room, complete = self._bounds.history_tokens, True
        async for record in self._newest_first(parent_of(question.name)):
            if _place(record) >= (question.number, 0):
                continue
            room -= self._tokens(record.text)
            if room < 0 or len(kept) == self._bounds.history_messages:
                complete = False
                break
            kept.append(record)
        kept.sort(key=_place)
        while kept and kept[0].author != USER and not complete:
            kept.pop(0)  # what it answers is left out, and models take no such beginning
        return tuple(kept), complete

    async def _newest_first(self, session: str) -> AsyncIterator[ChatMessageRecord]:
        token = ""
        while True:
            page = await self._store.page(
                CHAT_MESSAGES, parent=session, page_size=_BATCH, page_token=token
            )
            for record in page.records:
                yield record
            if not (token := page.next_page_token):
                return

    async def _retrieved(self, question: ChatMessageRecord) -> tuple[tuple[Passage, ...], bool]:
        """Return the most fitting passages that there is room for, and whether those are all."""
        project = parent_of(parent_of(question.name))
        kept: list[Passage] = []
        room = self._bounds.retrieved_tokens
        for retriever in self._retrievers:
            for passage in await retriever.retrieve(project, question.user, question.text):
                room -= self._tokens(passage.text)
                if room < 0:
                    return tuple(kept), False
                kept.append(passage)
        return tuple(kept), True


def _place(record: ChatMessageRecord) -> tuple[int, int]:
    """Return where a message stands in the conversation: an answer after what it answers."""
    asked = number_of(record.reply_to) if record.reply_to else record.number
    return asked, record.number
