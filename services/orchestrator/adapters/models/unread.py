"""Counts what of a stream the reader gets no part of: thoughts, and pieces of calls of tools."""

from typing import TYPE_CHECKING, Final

from services.orchestrator.models.estimate import text_tokens
from services.orchestrator.models.port import Pulse

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk
    from langchain_core.messages.content import ContentBlock

_OPENING: Final = 2
"""Empty chunks with which a stream may open: who speaks, and what a filter found in the request."""


class Unread:
    """What of one answer was not given on."""

    def __init__(self) -> None:
        self.tokens = 0
        """By estimate."""
        self._empty = 0

    def take(self, chunk: "AIMessageChunk") -> Pulse:
        """Return what a chunk without text stands for."""
        tokens = sum(_block_tokens(block) for block in chunk.content_blocks)
        if not tokens and self._is_hidden_thought(chunk):
            tokens = 1
        self.tokens += tokens
        return Pulse(tokens)

    def _is_hidden_thought(self, chunk: "AIMessageChunk") -> bool:
        """Tell whether a model thinks, of which its client shows no more than an empty chunk.

        Those of Ollama, and of others that speak as OpenAI does, leave the thought out.
        """
        if chunk.usage_metadata or chunk.chunk_position or _says_something(chunk):
            return False
        self._empty += 1
        return self._empty > _OPENING


def _says_something(chunk: "AIMessageChunk") -> bool:
    """Tell whether a chunk says who answers or why it ends, and therefore stands for no token."""
    return bool(chunk.response_metadata.keys() - {"model_provider"})


def _block_tokens(block: "ContentBlock") -> int:
    match block:
        case {"type": "text"}:
            return 0
        case {"type": "reasoning"}:
            return max(text_tokens(str(block.get("reasoning") or "")), 1)
        case {"type": "tool_call_chunk"}:
            return max(text_tokens(f"{block.get('name') or ''}{block.get('args') or ''}"), 1)
        case _:  # a thought that is sealed, or what comes to be one day
            return 1
