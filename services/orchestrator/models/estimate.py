"""How many tokens a request has, before any provider has counted them.

It errs on the high side: a model that gets more than it can hold would forget the beginning.
"""

import json
import math
import string
from typing import Any, Final

from services.orchestrator.models.port import ModelMessage, ModelRequest, ToolCall

LETTERS_PER_TOKEN: Final = 3
"""English has four to five letters to a token, blanks included."""
BYTES_PER_TOKEN: Final = 2
"""Of all else, in UTF-8: digits, marks and other scripts take more tokens than letters do."""
_LETTERS: Final = (string.ascii_letters + " ").encode()
TOKENS_PER_MESSAGE: Final = 8
"""Marks of who speaks, around each message."""


def text_tokens(text: str) -> int:
    """Return how many tokens a text has, rather too many than too few."""
    encoded = text.encode(errors="replace")
    other = len(encoded.translate(None, _LETTERS))
    return math.ceil((len(encoded) - other) / LETTERS_PER_TOKEN + other / BYTES_PER_TOKEN)


def request_tokens(request: ModelRequest) -> int:
    """Return how many tokens a request takes: messages, tools and the wanted form of the answer."""
    messages = sum(_message_tokens(message) for message in request.messages)
    tools = sum(
        text_tokens(tool.name + tool.description) + _json_tokens(tool.parameters)
        for tool in request.tools
    )
    schema = _json_tokens(request.output_schema) if request.output_schema else 0
    return messages + tools + schema


def calls_tokens(calls: tuple[ToolCall, ...] | list[ToolCall]) -> int:
    """Return how many tokens calls of tools take."""
    return sum(text_tokens(call.id + call.name) + _json_tokens(call.arguments) for call in calls)


def _message_tokens(message: ModelMessage) -> int:
    called = calls_tokens(message.tool_calls)
    return TOKENS_PER_MESSAGE + text_tokens(message.text + message.tool_call_id) + called


def _json_tokens(value: dict[str, Any]) -> int:
    return text_tokens(json.dumps(value, ensure_ascii=False))
