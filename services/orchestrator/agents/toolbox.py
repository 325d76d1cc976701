"""The tools of one answer: calls them for the model, and records each call."""

import logging
from collections.abc import Iterable
from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.names import new_id, parent_of
from services.mesh.store import now
from services.orchestrator.agents.acting import Acting
from services.orchestrator.agents.tool import Hand, Tool
from services.orchestrator.models.port import (
    CallScope,
    RecordedToolCall,
    Recorder,
    ToolCall,
    ToolSpec,
)
from services.orchestrator.responses.response import ResponseRecord

PASSING: Final = ("STORE_UNAVAILABLE", "EVENT_LOG_UNAVAILABLE", "STALE_FENCE")
"""Reasons that say nothing of the call: the answer is made anew, and the call with it."""
MAX_RESULT: Final = 16_000
"""Characters of a result that the model is told."""

log = logging.getLogger(__name__)


class Toolbox:
    """Calls tools for the user whom a response answers."""

    def __init__(
        self,
        acting: Acting,
        recorder: Recorder,
        scope: CallScope,
        response: ResponseRecord,
        tools: Iterable[Tool],
    ) -> None:
        self._acting = acting
        self._recorder = recorder
        self._scope = scope
        self._response = response
        self._tools = {tool.name: tool for tool in tools}
        self._wrong: dict[str, AdjutantError] = {}
        """What is wrong with calls that nobody needs to be asked about, by their ids."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told of them."""
        return tuple(tool.spec for tool in self._tools.values())

    def changes(self, call: ToolCall) -> bool:
        """Tell whether a call would change something, or might."""
        tool = self._tools.get(call.name)
        return tool is None or tool.summary is not None

    async def change_of(self, call: ToolCall) -> str:
        """Return what a call would change.

        Empty where it changes nothing, or cannot be made as it is: `call` says why, then.
        """
        tool = self._tools.get(call.name)
        if tool is None or tool.summary is None:
            return ""
        try:
            return await tool.summary(self._hand(""), tool.read(call.arguments))
        except AdjutantError as error:
            if error.reason in PASSING:
                raise
            self._wrong[call.id] = error
            return ""

    async def call(self, call: ToolCall, request_id: str = "", *, confirmed: bool = False) -> str:
        """Make a call and return what came of it; a failure too is something to tell the model.

        What changes something is made only where the user confirmed it, with an id that makes it
        the same when it is repeated. Raises what passes and says nothing of the call.
        """
        start, result, failure = now(), "", ""
        try:
            if wrong := self._wrong.pop(call.id, None):
                raise wrong
            result = _bounded(await self._made(call, request_id, confirmed=confirmed))
        except AdjutantError as error:
            if error.reason in PASSING:
                raise
            failure = f"{error.reason}: {error.message}"
        except Exception:
            log.exception("the tool %s failed", call.name)
            failure = "INTERNAL: the tool failed, by a fault of ours."
        recorded = RecordedToolCall(new_id(), call, start, now(), result, failure)
        await self._recorder.tool_call(self._scope, recorded)
        return f"The tool failed. {failure}" if failure else result

    async def refuse(self, call: ToolCall, why: str) -> str:
        """Record that a call is not made, and return what the model is told of that."""
        time = now()
        await self._recorder.tool_call(
            self._scope, RecordedToolCall(new_id(), call, time, time, "", why)
        )
        return why

    async def _made(self, call: ToolCall, request_id: str, *, confirmed: bool) -> str:
        tool = self._tools.get(call.name)
        if tool is None:
            known = ", ".join(self._tools) or "none"
            raise AdjutantError("INVALID_REQUEST", f"There is no such tool here; use: {known}.")
        if tool.summary and not confirmed:
            raise AdjutantError("PERMISSION_DENIED", "The user has not confirmed that.")
        return await tool.run(self._hand(request_id), tool.read(call.arguments))

    def _hand(self, request_id: str) -> Hand:
        session = self._response.session
        authority = self._response.authority
        return Hand(self._acting, authority, parent_of(session), session, request_id)


def _bounded(text: str) -> str:
    left_out = len(text) - MAX_RESULT
    return text if left_out <= 0 else f"{text[:MAX_RESULT]}\n… {left_out} more characters"
