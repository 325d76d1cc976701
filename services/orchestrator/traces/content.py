"""What was said in a call, as it is kept: without secrets, and within bounds."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

from pydantic import BaseModel, Field

from services.mesh.secrets.redact import REDACTED, redact
from services.orchestrator.usage.amount import Picos

MAX_MESSAGES: Final = 1000
"""Messages of a request that are kept, the newest ones."""
MAX_REQUESTED: Final = 100
"""Calls of tools in one message that are kept."""
EXCERPT_BYTES: Final = 400
_SECRET_KEY: Final = re.compile(
    r"(pass(word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key"
    r"|authorization|credentials?)$",
    re.IGNORECASE,
)
"""Names of values that are secret whatever they look like."""


C = TypeVar("C", "ModelRecord", "ToolRecord")


class TextRecord(BaseModel):
    """As much of a text as is kept. Fields mean what the contract says of TracedText."""

    text: str = ""
    size_bytes: int = 0

    @classmethod
    def of(cls, text: str) -> "TextRecord":
        """Return all of a text, without its secrets."""
        clean = _bytes(redact(text))
        return cls(text=clean.decode(), size_bytes=len(clean))

    @classmethod
    def of_json(cls, value: Any) -> "TextRecord":
        """Return a JSON value as text, without its secrets."""
        return cls.of(json.dumps(redacted(value), ensure_ascii=False, default=str))

    @property
    def is_truncated(self) -> bool:
        """Whether it is not all of it."""
        return len(_bytes(self.text)) < self.size_bytes

    def cut(self, max_bytes: int) -> "TextRecord":
        """Return its beginning, of so many bytes at most."""
        text = _bytes(self.text)[:max_bytes].decode("utf-8", "ignore")
        return TextRecord(text=text, size_bytes=self.size_bytes)


class RequestedRecord(BaseModel):
    """A call of a tool that a model asked for."""

    id: str
    tool: str
    arguments: TextRecord


class MessageRecord(BaseModel):
    """One message of a conversation with a model."""

    role: str
    """SYSTEM, USER, ASSISTANT or TOOL."""
    text: TextRecord
    requested: list[RequestedRecord] = Field(default_factory=list)
    requested_call_id: str = ""


class UsageRecord(BaseModel):
    """Tokens that calls took."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0


class ModelRecord(BaseModel):
    """What a model was asked and answered. Fields mean what the contract says."""

    provider: str
    model: str
    selection_reason: str = ""
    messages: list[MessageRecord] = Field(default_factory=list)
    omitted_messages: int = 0
    tool_names: list[str] = Field(default_factory=list)
    answer: TextRecord = Field(default_factory=TextRecord)
    requested: list[RequestedRecord] = Field(default_factory=list)
    stop_reason: str = "UNSPECIFIED"
    usage: UsageRecord = Field(default_factory=UsageRecord)
    usage_estimated: bool = False
    cost: Picos | None = None
    answering_model: str = ""

    def bounded(self, max_bytes: int) -> "ModelRecord":
        """Return it within bounds: the answer first, then its messages, the newest first."""
        kept = self.messages[-MAX_MESSAGES:]
        # What is updated is not copied, so that comes second.
        copy = self.model_copy(update={"messages": kept}).model_copy(deep=True)
        copy.omitted_messages = self.omitted_messages + len(self.messages) - len(kept)
        copy.requested = copy.requested[:MAX_REQUESTED]
        for message in copy.messages:
            message.requested = message.requested[:MAX_REQUESTED]
        return _cut_all(copy, max_bytes)

    def excerpt(self) -> "ModelRecord":
        """Return what a list shows of it."""
        hidden = max(len(self.messages) - 1, 0)
        found = self.model_copy(
            update={
                "messages": self.messages[-1:],
                "omitted_messages": self.omitted_messages + hidden,
                "tool_names": [],
                "requested": self.requested[:3],
            }
        ).model_copy(deep=True)
        for text in found.texts():
            text.text = text.cut(EXCERPT_BYTES).text
        return found

    def texts(self) -> Iterator[TextRecord]:
        """Yield its texts, the most telling ones first."""
        yield self.answer
        yield from (each.arguments for each in self.requested)
        for message in reversed(self.messages):
            yield message.text
            yield from (each.arguments for each in message.requested)


class ToolRecord(BaseModel):
    """What a tool was called with and what it gave."""

    tool: str
    requested_call_id: str = ""
    arguments: TextRecord
    result: TextRecord = Field(default_factory=TextRecord)

    def bounded(self, max_bytes: int) -> "ToolRecord":
        """Return it within bounds."""
        return _cut_all(self.model_copy(deep=True), max_bytes)

    def excerpt(self) -> "ToolRecord":
        """Return what a list shows of it."""
        found = self.model_copy(deep=True)
        for text in found.texts():
            text.text = text.cut(EXCERPT_BYTES).text
        return found

    def texts(self) -> Iterator[TextRecord]:
        """Yield its texts."""
        yield self.arguments
        yield self.result


def redacted(value: Any) -> Any:
    """Return a JSON value without secrets: what looks like one, or is named like one."""
    if isinstance(value, dict):
        return {
            str(key): REDACTED if _SECRET_KEY.search(str(key)) and inner else redacted(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redacted(each) for each in value]
    return redact(value) if isinstance(value, str) else value


def _cut_all(content: C, max_bytes: int) -> C:
    """Cut the texts of a record in place, so that they have so many bytes together at most."""
    left = max_bytes
    for text in content.texts():
        text.text = text.cut(left).text
        left -= len(_bytes(text.text))
    return content


def _bytes(text: str) -> bytes:
    # What a model or a tool gave may hold half of a surrogate pair, which nothing can store.
    return text.encode("utf-8", "replace")
