"""What a language model is asked, what it answers, and who else hears of it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from services.orchestrator.models.failures import ModelFailure


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class StopReason(StrEnum):
    """Why an answer ended."""

    END = "end"
    """The model was done."""
    TOOL_CALLS = "tool_calls"
    """It waits for the results of the tools that it called."""
    LENGTH = "length"
    """It reached the bound on its output, so the answer is incomplete."""
    FILTERED = "filtered"
    """The provider, or the model, would not go on."""


@dataclass(frozen=True)
class ToolSpec:
    """A tool that the model may call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of its arguments; an object."""


@dataclass(frozen=True)
class ToolCall:
    """A call of a tool that the model wants; whole when it is given."""

    id: str
    """Names the call within the conversation; the tool's message answers with it."""
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class ModelMessage:
    """One message of a conversation."""

    role: Role
    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    """What an ASSISTANT message called."""
    tool_call_id: str = ""
    """Which call a TOOL message answers."""


@dataclass(frozen=True)
class ModelRequest:
    """What a model is asked."""

    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    output_schema: dict[str, Any] | None = None
    """JSON schema that the answer's text must hold to; None: free text."""
    max_output_tokens: int | None = None
    """Tokens of the answer at most; None: what is configured for the provider."""
    temperature: float | None = None
    """None: the provider's own."""


@dataclass(frozen=True)
class Usage:
    """Tokens that a call took."""

    input_tokens: int = 0
    """All that went in, those of the provider's cache included."""
    output_tokens: int = 0
    cached_input_tokens: int = 0
    """Those of `input_tokens` that the provider had in its cache."""


@dataclass(frozen=True)
class TextDelta:
    """A piece of the answer; never empty."""

    text: str


@dataclass(frozen=True)
class Finished:
    """Ends a stream; nothing follows."""

    usage: Usage
    stop_reason: StopReason
    model: str
    """The model that answered, as its provider calls it."""


Delta: TypeAlias = TextDelta | ToolCall | Finished
"""What a stream yields: pieces of text, whole tool calls, and `Finished` as the last."""


@dataclass(frozen=True)
class CallScope:
    """Whose call it is; names of resources, empty where there is none."""

    project: str
    principal: str
    """Subject of whoever it is done for."""
    agent: str = ""
    task: str = ""
    session: str = ""
    response: str = ""
    message: str = ""


@dataclass(frozen=True)
class Pulse:
    """What a model gives that the reader gets no part of now.

    It shows the gateway that the model is alive, and goes no further.
    """

    tokens: int = 1
    """How many tokens of a thought, or of a call that is not whole; 0 where it is a mere sign of
    life."""


class ChatModel(Protocol):
    """A model of a provider."""

    @property
    def provider(self) -> str:
        """The provider's name: `scripted`, `ollama`, `openai`, `anthropic`."""

    @property
    def model(self) -> str:
        """The model, as its provider calls it."""

    @property
    def context_tokens(self) -> int:
        """Tokens that request and answer may have together."""

    def stream(
        self, request: ModelRequest, scope: CallScope
    ) -> AsyncGenerator[Delta | Pulse, None]:
        """Yield the answer as it comes, `Finished` last; closing it stops the provider's work.

        Raises `ModelFailure`s and nothing else. It bounds no time: whoever reads does.
        """


class Ledger(Protocol):
    """Keeps what calls may cost and what they did cost."""

    async def reserve(
        self, scope: CallScope, call_id: str, provider: str, model: str, estimate: Usage
    ) -> None:
        """Set aside what the call may cost, durably; raises BUDGET_EXHAUSTED.

        The provider is called after this has returned, and not otherwise.
        """

    async def settle(self, call_id: str, usage: Usage) -> None:
        """Replace the reservation by what was used; repeating it changes nothing."""

    async def release(self, call_id: str) -> None:
        """Give the reservation back: nothing was used; repeating it changes nothing."""


@dataclass(frozen=True)
class RecordedModelCall:
    """One call of a model, as it went."""

    call_id: str
    """The same as in the ledger, for each attempt its own."""
    provider: str
    model: str
    """The model that was asked, as in the ledger."""
    selection_reason: str
    """Why this model: tier, estimate, or who named it."""
    request: ModelRequest
    start_time: datetime
    """When the provider was called."""
    end_time: datetime
    first_token_time: datetime | None = None
    """None where no token came."""
    text: str = ""
    """What came, also where it ended early."""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    """What was settled; an estimate where `is_usage_estimated`."""
    is_usage_estimated: bool = False
    """Whether the provider did not say what was used, as where the call was cancelled."""
    stop_reason: StopReason | None = None
    """None where it did not end by itself."""
    answering_model: str = ""
    """Who answered, as the provider says at its end; empty where it did not end by itself."""
    failure: ModelFailure | None = None
    is_cancelled: bool = False
    """Whether whoever asked stopped it."""


@dataclass(frozen=True)
class RecordedToolCall:
    """One call of a tool, as it went."""

    call_id: str
    """Of this execution; not the model's id of the call, which is in `call`."""
    call: ToolCall
    start_time: datetime
    end_time: datetime
    result: str = ""
    failure: str = ""
    """What went wrong, for people; empty where nothing did."""


class Recorder(Protocol):
    """Keeps what was asked and answered."""

    async def model_call(self, scope: CallScope, call: RecordedModelCall) -> None:
        """Keep a call of a model."""

    async def tool_call(self, scope: CallScope, call: RecordedToolCall) -> None:
        """Keep a call of a tool."""


class Models(Protocol):
    """What features ask models through; `gateway.ModelGateway` is the one that does it."""

    def stream(
        self, scope: CallScope, request: ModelRequest, model: str = ""
    ) -> AsyncGenerator[Delta, None]:
        """Yield a model's answer as it comes, `Finished` last.

        `model` is `provider/model`, or the model's own name; empty: the request's size chooses.
        Closing the generator stops the provider and settles what was used.
        Raises `ModelFailure`s, and BUDGET_EXHAUSTED from the ledger.
        """
