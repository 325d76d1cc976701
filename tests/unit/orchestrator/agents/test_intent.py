"""What a cheap model says that a message needs, and what is made of an answer that says nothing."""

from collections.abc import AsyncGenerator

import pytest

from services.mesh.store import now
from services.orchestrator.agents.intent import IntentParser
from services.orchestrator.chat.context import Context
from services.orchestrator.chat.message import USER, ChatMessageRecord
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelRequest,
    StopReason,
    TextDelta,
    Usage,
)

SESSION = "clients/acme/projects/web/sessions/s"
GROUPS = ["tasks", "queue"]


class Says:
    """Models of which each says the same, or fails."""

    def __init__(self, text: str, failure: ModelFailure | None = None) -> None:
        self.text = text
        self.failure = failure
        self.asked: list[tuple[ModelRequest, str]] = []

    async def stream(
        self, scope: CallScope, request: ModelRequest, model: str = ""
    ) -> AsyncGenerator[Delta, None]:
        self.asked.append((request, model))
        if self.failure:
            raise self.failure
        yield TextDelta(self.text)
        yield Finished(Usage(5, 2), StopReason.END, "small")


def _said(number: int, text: str) -> ChatMessageRecord:
    return ChatMessageRecord(
        name=f"{SESSION}/messages/{number}",
        create_time=now(),
        update_time=now(),
        number=number,
        author=USER,
        text=text,
        owner="",
    )


async def _parsed(models: Says) -> tuple[list[str], Usage]:
    history = tuple(_said(number, f"earlier {number}") for number in range(1, 8))
    context = Context(_said(8, "and now?"), history, (), True, True)
    scope = CallScope(project="clients/acme/projects/web", principal="users/ada")
    return await IntentParser(models, "local/small").parse(scope, context, GROUPS)


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ('{"groups": []}', []),
        ('{"groups": ["queue", "nonsense"]}', ["queue"]),
        ('{"groups": "tasks"}', GROUPS),
        ('{"other": 1}', GROUPS),
        ("[1]", GROUPS),
        ("tasks, I think", GROUPS),
    ],
)
async def test_what_holds_to_no_form_needs_everything(text: str, groups: list[str]) -> None:
    assert await _parsed(Says(text)) == (groups, Usage(5, 2))


async def test_a_model_that_fails_costs_no_answer() -> None:
    broken = ModelFailure(FailureKind.UNAVAILABLE, "gone")
    assert await _parsed(Says("", broken)) == (GROUPS, Usage())


async def test_it_is_told_the_latest_messages_and_asks_the_model_that_is_configured() -> None:
    models = Says('{"groups": []}')
    await _parsed(models)
    [(request, model)] = models.asked
    assert model == "local/small"
    texts = [message.text for message in request.messages[1:]]
    assert texts == ["earlier 4", "earlier 5", "earlier 6", "earlier 7", "and now?"]
    assert request.output_schema is not None
    assert request.output_schema["properties"]["groups"]["items"]["enum"] == ["queue", "tasks"]
