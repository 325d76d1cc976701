"""A LangChain chat model behind our port."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

from services.orchestrator.adapters.models.failures import failure_of
from services.orchestrator.adapters.models.messages import to_langchain, tools_of
from services.orchestrator.adapters.models.tool_calls import ToolCalls
from services.orchestrator.adapters.models.unread import Unread
from services.orchestrator.models.estimate import request_tokens, text_tokens
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelRequest,
    Pulse,
    StopReason,
    TextDelta,
    Usage,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

Form = Callable[[ModelRequest], dict[str, Any]]
"""Returns what of a request the client takes beside messages and tools."""
_REASONS: Final = {
    "stop": StopReason.END,
    "end_turn": StopReason.END,
    "stop_sequence": StopReason.END,
    "tool_calls": StopReason.TOOL_CALLS,
    "tool_use": StopReason.TOOL_CALLS,
    "length": StopReason.LENGTH,
    "max_tokens": StopReason.LENGTH,
    "model_context_window_exceeded": StopReason.LENGTH,
    "content_filter": StopReason.FILTERED,
    "refusal": StopReason.FILTERED,
}


class LangChainModel:
    """A provider's model; see ChatModel."""

    def __init__(
        self, client: "BaseChatModel", form: Form, provider: str, model: str, context_tokens: int
    ) -> None:
        self.provider = provider
        self.model = model
        self.context_tokens = context_tokens
        self._client = client
        self._form = form

    async def stream(
        self, request: ModelRequest, scope: CallScope
    ) -> AsyncGenerator[Delta | Pulse, None]:
        """Yield the answer as it comes; see ChatModel."""
        end = _End()
        calls = ToolCalls()
        try:
            async with aclosing(self._chunks(request)) as chunks:
                async for chunk in chunks:
                    end.take(chunk)
                    calls.take(chunk.tool_call_chunks)
                    if text := str(chunk.text):
                        end.text_bytes += len(text)
                        yield TextDelta(text)
                    else:
                        yield end.unread.take(chunk)
            whole = calls.whole()
        except Exception as error:
            raise failure_of(error, self.provider, self.model) from error
        if not end.reason:
            return  # it broke off, which the gateway sees by what is missing
        for call in whole:
            yield call
        reason = StopReason.TOOL_CALLS if whole else _REASONS.get(end.reason, StopReason.END)
        yield Finished(end.used(request), reason, end.model or self.model)

    def _chunks(self, request: ModelRequest) -> "AsyncGenerator[AIMessageChunk, None]":
        options = self._form(request)
        if request.tools:
            bound = self._client.bind_tools(tools_of(request.tools))
            options = {**bound.kwargs, **options}  # type: ignore[attr-defined]
        stream = self._client.astream(to_langchain(request.messages), **options)
        return cast("AsyncGenerator[AIMessageChunk, None]", stream)


class _End:
    """What a stream says beside its text."""

    def __init__(self) -> None:
        self.reason = ""
        self.model = ""
        self.text_bytes = 0
        self.unread = Unread()
        self._usage: Usage | None = None

    def take(self, chunk: "AIMessageChunk") -> None:
        if metadata := chunk.response_metadata:
            for name in ("finish_reason", "done_reason", "stop_reason"):
                self.reason = metadata.get(name) or self.reason
            self.model = metadata.get("model_name") or self.model
        if counted := chunk.usage_metadata:
            cached = counted.get("input_token_details", {}).get("cache_read") or 0
            before = self._usage or Usage()
            self._usage = Usage(
                before.input_tokens + counted["input_tokens"],
                before.output_tokens + counted["output_tokens"],
                before.cached_input_tokens + cached,
            )

    def used(self, request: ModelRequest) -> Usage:
        """Return what the provider counted; where it did not count, the estimate."""
        came = text_tokens(" " * self.text_bytes) + self.unread.tokens
        return self._usage or Usage(request_tokens(request), came)
