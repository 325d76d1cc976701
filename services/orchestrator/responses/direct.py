"""Answers by one call of a model, with what was said before in the session."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Final

from services.mesh.names import parent_of
from services.mesh.store import Store
from services.orchestrator.chat.context import Context, Contexts
from services.orchestrator.chat.message import CHAT_MESSAGES, USER, ChatMessageRecord
from services.orchestrator.models.port import (
    CallScope,
    Finished,
    ModelMessage,
    ModelRequest,
    Models,
    Role,
    TextDelta,
)
from services.orchestrator.responses.response import ResponseRecord

INTRODUCTION: Final = (
    "You are an assistant of Adjutant, which works for teams. Answer what the user says last. "
    "Say so where you do not know."
)


class DirectResponder:
    """A Responder that asks one model once."""

    def __init__(self, store: Store, contexts: Contexts, models: Models) -> None:
        self._store = store
        self._contexts = contexts
        self._models = models

    async def answer(self, response: ResponseRecord) -> AsyncGenerator[TextDelta | Finished, None]:
        """Yield a model's answer; see Responder."""
        question = await self._store.get(CHAT_MESSAGES, response.question)
        context = await self._contexts.of(question)
        scope = CallScope(
            project=parent_of(response.session),
            principal=response.user,
            agent=response.agent,
            session=response.session,
            response=response.name,
            message=question.name,
        )
        deltas = self._models.stream(scope, ModelRequest(_messages(context)), response.model)
        async with contextlib.aclosing(deltas) as stream:
            async for delta in stream:
                if isinstance(delta, TextDelta | Finished):  # no tools are given, so none is called
                    yield delta


def _messages(context: Context) -> tuple[ModelMessage, ...]:
    known = "\n\n".join(f"{each.source}:\n{each.text}" for each in context.passages)
    introduction = f"{INTRODUCTION}\n\nWhat is known:\n\n{known}" if known else INTRODUCTION
    said = [_message(record) for record in context.history]
    return (
        ModelMessage(Role.SYSTEM, introduction),
        *said,
        ModelMessage(Role.USER, context.question.text),
    )


def _message(record: ChatMessageRecord) -> ModelMessage:
    return ModelMessage(Role.USER if record.author == USER else Role.ASSISTANT, record.text)
