"""Finds out which capabilities a message needs, with a cheap model."""

import contextlib
import json
import logging
from collections.abc import Collection, Sequence
from typing import Any, Final

from services.orchestrator.agents.prompt import said
from services.orchestrator.agents.tool import GROUPS
from services.orchestrator.chat.context import Context
from services.orchestrator.models.failures import ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    Finished,
    ModelMessage,
    ModelRequest,
    Models,
    Role,
    TextDelta,
    Usage,
)

EARLIER: Final = 4
"""Messages before the one to answer that it is told, so that `do that` means something."""
MAX_TOKENS: Final = 200

log = logging.getLogger(__name__)


class IntentParser:
    """Chooses groups of tools for messages."""

    def __init__(self, models: Models, model: str = "") -> None:
        """Take the model to ask; empty: the cheapest that a small request goes to."""
        self._models = models
        self._model = model

    async def parse(
        self, scope: CallScope, context: Context, groups: Collection[str]
    ) -> tuple[list[str], Usage]:
        """Return which of some groups a message needs, and what it took to find out.

        All of them where the model cannot say. BUDGET_EXHAUSTED.
        """
        request = ModelRequest(
            messages=(
                ModelMessage(Role.SYSTEM, _introduction(groups)),
                *(said(record) for record in context.history[-EARLIER:]),
                ModelMessage(Role.USER, context.question.text),
            ),
            output_schema=_schema(groups),
            max_output_tokens=MAX_TOKENS,
        )
        pieces, usage = [], Usage()
        try:
            async with contextlib.aclosing(
                self._models.stream(scope, request, self._model)
            ) as deltas:
                async for delta in deltas:
                    if isinstance(delta, TextDelta):
                        pieces.append(delta.text)
                    elif isinstance(delta, Finished):
                        usage = delta.usage
        except ModelFailure as failure:
            log.warning("what %s needs is not known, all is offered: %s", scope.message, failure)
            return list(groups), usage
        return _read("".join(pieces), groups), usage


def _introduction(groups: Collection[str]) -> str:
    lines = [f"- {group}: {GROUPS[group]}" for group in groups]
    return "\n".join(
        [
            "Say which of these groups of tools are needed to answer what the user says last. "
            "None are for small talk and general questions.",
            *lines,
        ]
    )


def _schema(groups: Collection[str]) -> dict[str, Any]:
    return {
        "title": "Intent",
        "type": "object",
        "properties": {
            "groups": {"type": "array", "items": {"type": "string", "enum": sorted(groups)}}
        },
        "required": ["groups"],
        "additionalProperties": False,
    }


def _read(text: str, groups: Collection[str]) -> list[str]:
    """Return the groups that an answer names; all where it holds to no form."""
    try:
        named = json.loads(text)["groups"]
    except (ValueError, KeyError, TypeError):
        return list(groups)
    if not isinstance(named, Sequence) or isinstance(named, str):
        return list(groups)
    return [group for group in groups if group in named]
