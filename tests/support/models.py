"""What tests of language models share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.orchestrator.adapters.models import make_factories
from services.orchestrator.models.catalog import Catalog
from services.orchestrator.models.config import Kind, ModelsConfig, ProviderConfig
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelMessage,
    ModelRequest,
    RecordedModelCall,
    RecordedToolCall,
    Role,
    TextDelta,
    Usage,
)

SCOPE = CallScope(project="clients/acme/projects/web", principal="users/ada")
WIRES = (Kind.OPENAI, Kind.OLLAMA, Kind.ANTHROPIC)


async def no_facts(_: CallScope, __: frozenset[str]) -> Mapping[str, str]:
    return {}


def asked(text: str, **more: object) -> ModelRequest:
    """Return a request of one message."""
    return ModelRequest((ModelMessage(Role.USER, text),), **more)  # type: ignore[arg-type]


@dataclass
class Books:
    """Stands in for ledger and recorder, and keeps what they were told in order."""

    told: list[tuple[str, object]] = field(default_factory=list)
    calls: list[RecordedModelCall] = field(default_factory=list)

    async def reserve(
        self, scope: CallScope, call_id: str, provider: str, model: str, estimate: Usage
    ) -> None:
        self.told.append(("reserve", estimate))

    async def settle(self, call_id: str, usage: Usage) -> None:
        self.told.append(("settle", usage))

    async def release(self, call_id: str) -> None:
        self.told.append(("release", None))

    async def model_call(self, scope: CallScope, call: RecordedModelCall) -> None:
        self.calls.append(call)

    async def tool_call(self, scope: CallScope, call: RecordedToolCall) -> None:
        raise AssertionError("the gateway calls no tools")

    @property
    def deeds(self) -> list[str]:
        return [deed for deed, _ in self.told]


def provider_at(kind: Kind, url: str, *, size: int = 16 * 1024) -> ProviderConfig:
    """Return a provider of a kind that is at a URL, with one model."""
    base = f"{url}/v1" if kind is Kind.OPENAI else url
    return ProviderConfig(name=kind.value, kind=kind, url=base, tiers={size: "small"})


def gateway_of(
    *providers: ProviderConfig, books: Books | None = None, **patience: float
) -> ModelGateway:
    """Return a gateway to providers; it tries again after a hundredth of a second."""
    config = ModelsConfig(providers=providers)
    catalog = Catalog(config, make_factories(config, no_facts), 256)
    books = books or Books()
    given = {"liveness_s": 5.0, "initial_s": 0.01, **patience}
    return ModelGateway(catalog, books, books, Patience(**given))  # type: ignore[arg-type]


async def heard(
    gateway: ModelGateway, request: ModelRequest, model: str = ""
) -> tuple[str, list[Delta]]:
    """Return the whole text of an answer, and what else came."""
    deltas = [delta async for delta in gateway.stream(SCOPE, request, model)]
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    return text, [delta for delta in deltas if not isinstance(delta, TextDelta)]


def finish(deltas: list[Delta]) -> Finished:
    """Return what ends a stream."""
    assert isinstance(deltas[-1], Finished)
    return deltas[-1]
