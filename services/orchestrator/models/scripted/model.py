"""The scripted provider: answers by rules, the same ones each time, and needs no key."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Final

from services.orchestrator.models.estimate import calls_tokens, request_tokens
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelRequest,
    StopReason,
    TextDelta,
    ToolCall,
    Usage,
)
from services.orchestrator.models.scripted.script import Rule, Script, filled, places

Facts = Callable[[CallScope, frozenset[str]], Awaitable[Mapping[str, str]]]
"""Tells what is true for whoever asks, of what the names stand for that a rule uses."""
_TOKEN: Final = re.compile(r"\s*\S+|\s+")
_TIMES: Final = re.compile(r"\bcall-(\d+)\b")


class Player:
    """Plays a script; all of a provider's models share it, and how often rules have failed."""

    def __init__(self, script: Script, facts: Facts) -> None:
        self.script = script
        self.facts = facts
        self.failures: Counter[int] = Counter()


class ScriptedModel:
    """A model that answers by a script; see ChatModel."""

    def __init__(self, player: Player, provider: str, model: str, context_tokens: int) -> None:
        self.provider = provider
        self.model = model
        self.context_tokens = context_tokens
        self._player = player

    async def stream(self, request: ModelRequest, scope: CallScope) -> AsyncGenerator[Delta, None]:
        """Yield what the first rule says that fits; see ChatModel."""
        number, rule, found = self._rule(request)
        known = await self._player.facts(scope, places(rule.text))
        facts = {**known, **_said(request, self.model), **_groups(found)}
        pieces = _TOKEN.findall(filled(rule.text, facts))
        failing = self._failing(number, rule, len(pieces))
        limit = request.max_output_tokens or len(pieces)
        for at, piece in enumerate(pieces[:limit]):
            if at == failing:
                break
            await asyncio.sleep(rule.delay_s)
            yield TextDelta(piece)
        if rule.failure and failing is not None:
            said = f"The script has this call fail: {rule.failure.kind}. Try again."
            raise self._failure(rule.failure.kind, said, rule.failure.retry_after_s)
        calls = _calls(request, rule, facts)
        for call in calls:
            yield call
        used = Usage(request_tokens(request), min(limit, len(pieces)) + calls_tokens(calls))
        yield Finished(used, _reason(calls, len(pieces) > limit), self.model)

    def _rule(self, request: ModelRequest) -> tuple[int, Rule, re.Match[str]]:
        for number, rule in enumerate(self._player.script.rules):
            if found := rule.fits(request):
                return number, rule, found
        wanted = "in this form" if request.output_schema is not None else "to this"
        raise self._failure(
            FailureKind.REFUSED,
            f"The model {self.provider}/{self.model} answers by rules, and has none for an answer "
            f"{wanted}. Configure another model, as docs/models.md says.",
        )

    def _failing(self, number: int, rule: Rule, count: int) -> int | None:
        """Return after how many tokens this call fails; None where it does not."""
        if rule.failure is None:
            return None
        failed = self._player.failures
        if rule.failure.times and failed[number] >= rule.failure.times:
            return None
        failed[number] += 1
        return min(rule.failure.after_tokens, count)

    def _failure(
        self, kind: FailureKind, message: str, retry_after_s: float | None = None
    ) -> ModelFailure:
        return ModelFailure(
            kind, message, provider=self.provider, model=self.model, retry_after_s=retry_after_s
        )


def _said(request: ModelRequest, model: str) -> dict[str, str]:
    return {
        "message": request.messages[-1].text.strip(),
        "message_count": str(len(request.messages)),
        "tools": ", ".join(tool.name for tool in request.tools) or "none",
        "model": model,
    }


def _groups(found: re.Match[str]) -> dict[str, str]:
    return {name: text or "" for name, text in found.groupdict().items()}


def _calls(request: ModelRequest, rule: Rule, facts: Mapping[str, str]) -> list[ToolCall]:
    """Return the rule's calls, with ids that the conversation does not have yet."""
    taken = [call.id for message in request.messages for call in message.tool_calls]
    first = max((int(each) for text in taken for each in _TIMES.findall(text)), default=0) + 1
    return [
        ToolCall(f"call-{number}", tool.name, filled(tool.arguments, facts))
        for number, tool in enumerate(rule.tools, first)
    ]


def _reason(calls: list[ToolCall], cut: bool) -> StopReason:
    if cut:
        return StopReason.LENGTH
    return StopReason.TOOL_CALLS if calls else StopReason.END
