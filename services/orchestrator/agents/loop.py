"""An answer in rounds: the model says something and calls tools, is told what came of it, goes on.

What changes something ends the answer with a question to the user; their next message goes on
here. All calls of that round wait with it, so that they are made in the order that was meant.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

from services.orchestrator.agents.action import ActionRecord, CallRecord
from services.orchestrator.agents.confirmation import Confirmation, new_action
from services.orchestrator.agents.toolbox import Toolbox
from services.orchestrator.chat.session import AwaitedCall
from services.orchestrator.models.port import (
    CallScope,
    Finished,
    ModelMessage,
    ModelRequest,
    Models,
    Role,
    TextDelta,
    ToolCall,
    Usage,
)
from services.orchestrator.responses.response import ResponseRecord

MAX_CALLS = 16
"""Calls of one round that are made; the model is told nothing of more."""
DECLINED = "The user does not want that; it was not done."


@dataclass
class Turn:
    """One answer, as far as it is."""

    response: ResponseRecord
    scope: CallScope
    toolbox: Toolbox
    messages: list[ModelMessage]
    agent: str = ""
    """Name of the agent that was asked; empty where none was named."""
    groups: Sequence[str] = ()
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    """What was used so far."""
    has_said: bool = False
    """Whether the answer has text already, so that more of it is a paragraph of its own."""


@dataclass
class _Round:
    """What the model answered once."""

    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    finished: Finished | None = None


class Loop:
    """Makes answers."""

    def __init__(self, models: Models, confirmation: Confirmation, max_rounds: int) -> None:
        """Take how often tools may be called before the model must answer without."""
        self._models = models
        self._confirmation = confirmation
        self._max_rounds = max_rounds

    async def run(self, turn: Turn) -> AsyncGenerator[TextDelta | Finished, None]:
        """Yield the answer as it comes, `Finished` last."""
        finished: Finished | None = None
        for number in range(self._max_rounds + 1):
            made = _Round()
            has_tools = number < self._max_rounds
            async with contextlib.aclosing(self._ask(turn, made, has_tools=has_tools)) as deltas:
                async for delta in deltas:
                    yield delta
            finished = made.finished
            if not made.calls or not has_tools:
                break
            summaries = [
                AwaitedCall(tool=call.name, summary=await turn.toolbox.change_of(call))
                for call in made.calls
            ]
            if any(each.summary for each in summaries):
                async with contextlib.aclosing(self._confirm(turn, made.calls, summaries)) as ask:
                    async for delta in ask:
                        yield delta
                break
            turn.messages.append(ModelMessage(Role.ASSISTANT, made.text, tuple(made.calls)))
            for call in made.calls:
                result = await turn.toolbox.call(call)
                turn.messages.append(ModelMessage(Role.TOOL, result, tool_call_id=call.id))
        assert finished
        yield replace(finished, usage=turn.usage)

    async def resume(
        self, turn: Turn, action: ActionRecord
    ) -> AsyncGenerator[TextDelta | Finished, None]:
        """Do what was decided, tell the model of it, and go on; see `run`."""
        calls = tuple(each.call() for each in action.calls)
        results = []
        for number, stored in enumerate(action.calls):
            if stored.result is None:
                result = await self._do(turn, action, number)
                await self._confirmation.note_result(action, number, result)
            else:
                result = stored.result
            results.append(ModelMessage(Role.TOOL, result, tool_call_id=stored.id))
        turn.messages += [ModelMessage(Role.ASSISTANT, "", calls), *results]
        async with contextlib.aclosing(self.run(turn)) as deltas:
            async for delta in deltas:
                yield delta

    async def _do(self, turn: Turn, action: ActionRecord, number: int) -> str:
        call = action.calls[number].call()
        if action.state == "DECLINED" and turn.toolbox.changes(call):
            return await turn.toolbox.refuse(call, DECLINED)
        confirmed = action.state == "CONFIRMED"
        return await turn.toolbox.call(call, action.request_id(number), confirmed=confirmed)

    async def _ask(
        self, turn: Turn, made: _Round, *, has_tools: bool
    ) -> AsyncGenerator[TextDelta, None]:
        """Ask the model once: yield its text, and put into `made` what it answered."""
        specs = turn.toolbox.specs if has_tools else ()
        request = ModelRequest(tuple(turn.messages), tools=specs)
        deltas = self._models.stream(turn.scope, request, turn.model)
        async with contextlib.aclosing(deltas) as stream:
            async for delta in stream:
                if isinstance(delta, TextDelta):
                    yield _paragraph(turn, delta.text, begins=not made.text)
                    made.text += delta.text
                elif isinstance(delta, ToolCall):
                    made.calls += [delta][: MAX_CALLS - len(made.calls)]
                else:
                    made.finished = delta
                    turn.usage = _sum(turn.usage, delta.usage)

    async def _confirm(
        self, turn: Turn, calls: Sequence[ToolCall], summaries: Sequence[AwaitedCall]
    ) -> AsyncGenerator[TextDelta, None]:
        """Yield the question, and have the session wait for the answer."""
        changes = [each for each in summaries if each.summary]
        listed = "\n".join(f"- {each.summary}" for each in changes)
        question = f"I would do this:\n\n{listed}\n\nSay yes to have it done, or no to leave it."
        yield _paragraph(turn, question, begins=True)
        pairs = zip(calls, summaries, strict=True)
        stored = [await _stored(turn, call, each.summary) for call, each in pairs]
        action = new_action(turn.response, stored, turn.agent, turn.groups)
        await self._confirmation.ask(turn.response, action, changes)


async def _stored(turn: Turn, call: ToolCall, change: str) -> CallRecord:
    """Return a call of a round that waits; what cannot be made, as nobody is asked, has failed."""
    is_wrong = turn.toolbox.changes(call) and not change
    result = await turn.toolbox.call(call) if is_wrong else None
    return CallRecord(id=call.id, name=call.name, arguments=call.arguments, result=result)


def _paragraph(turn: Turn, text: str, *, begins: bool) -> TextDelta:
    separator = "\n\n" if begins and turn.has_said else ""
    turn.has_said = True
    return TextDelta(separator + text)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cached_input_tokens + other.cached_input_tokens,
    )
