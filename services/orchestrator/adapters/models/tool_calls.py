"""Puts calls of tools together from the pieces in which they stream."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from services.mesh.names import new_id
from services.orchestrator.models.port import ToolCall

if TYPE_CHECKING:
    from langchain_core.messages import ToolCallChunk


class _Growing:
    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []


class ToolCalls:
    """The calls of one answer."""

    def __init__(self) -> None:
        self._calls: dict[Any, _Growing] = {}

    def take(self, chunks: "Sequence[ToolCallChunk]") -> None:
        """Add pieces; those with the same index belong together, one without is whole."""
        for chunk in chunks:
            index = chunk["index"]
            key = object() if index is None else index
            call = self._calls.setdefault(key, _Growing())
            call.id = call.id or chunk["id"] or ""
            call.name += chunk["name"] or ""
            call.arguments.append(chunk["args"] or "")

    def whole(self) -> list[ToolCall]:
        """Return all calls. ValueError where the arguments of one are no JSON object."""
        return [
            ToolCall(call.id or new_id(), call.name, _object("".join(call.arguments)))
            for call in self._calls.values()
        ]


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text or "{}")
    if not isinstance(value, dict):
        raise ValueError("the arguments of a call of a tool are no object")
    return value
