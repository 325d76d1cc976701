"""Every model that is configured, and which of them a request goes to."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from services.mesh.errors import AdjutantError
from services.orchestrator.models.config import Kind, ModelsConfig, ProviderConfig, size_of
from services.orchestrator.models.estimate import request_tokens
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import ChatModel, ModelRequest, Usage

Factory = Callable[[ProviderConfig, str, int], ChatModel]
"""Makes a provider's model of a name with a context of so many tokens."""


@dataclass(frozen=True)
class Entry:
    """A model that can be asked."""

    provider: ProviderConfig
    model: str
    context_tokens: int
    is_tier: bool
    """Whether requests of its size go to it by themselves."""

    @property
    def name(self) -> str:
        """What it is named by: `provider/model`."""
        return f"{self.provider.name}/{self.model}"


@dataclass(frozen=True)
class Choice:
    """A model that was chosen for a request, and why."""

    entry: Entry
    reason: str
    estimate: Usage
    """Tokens that go in, and that the answer may have at most."""


class Catalog:
    """The models of all providers; makes each when it is first asked."""

    def __init__(
        self, config: ModelsConfig, factories: Mapping[Kind, Factory], max_output_tokens: int
    ) -> None:
        """Take how many tokens an answer may have where a request does not say."""
        self._config = config
        self._factories = factories
        self._max_output_tokens = max_output_tokens
        self._made: dict[tuple[str, int], ChatModel] = {}

    @property
    def default_provider(self) -> ProviderConfig:
        """Whom requests go to that name nobody."""
        return self._config.providers[0]

    @property
    def can_plan(self) -> bool:
        """Whether plain words can be planned: not where the built-in script alone answers."""
        asked = self.default_provider
        return asked.kind is not Kind.SCRIPTED or asked.script is not None

    @property
    def kinds(self) -> dict[str, str]:
        """What each provider is, by its name."""
        return {provider.name: str(provider.kind) for provider in self._config.providers}

    def entries(self) -> Iterator[Entry]:
        """Yield every model: each provider's tiers from the smallest, then its further models."""
        for provider in self._config.providers:
            yield from _entries(provider)

    async def model(self, entry: Entry) -> ChatModel:
        """Return the model itself. ModelFailure REFUSED where it cannot be made."""
        key = (entry.name, entry.context_tokens)
        if key not in self._made:
            make = self._factories[entry.provider.kind]
            # To import a provider's client takes a second or two.
            made = await asyncio.to_thread(make, entry.provider, entry.model, entry.context_tokens)
            self._made.setdefault(key, made)
        return self._made[key]

    def bounded(self, request: ModelRequest) -> ModelRequest:
        """Return the request with a bound on its answer, its own or what is configured."""
        return replace(
            request, max_output_tokens=request.max_output_tokens or self._max_output_tokens
        )

    def choose(self, request: ModelRequest, named: str = "") -> Choice:
        """Return the model for a request, by its size or by its name.

        UNKNOWN_MODEL; ModelFailure CONTEXT_TOO_LONG where none that may be asked is large enough.
        """
        return self.choose_for(request_tokens(request), request.max_output_tokens or 0, named)

    def choose_for(self, input_tokens: int, output_tokens: int = 0, named: str = "") -> Choice:
        """Return the model for a request of so many tokens; see `choose`."""
        output_tokens = output_tokens or self._max_output_tokens
        candidates, who = self._candidates(named)
        needed = input_tokens + output_tokens
        said = f"{input_tokens} tokens by estimate and {output_tokens} for the answer"
        for entry in candidates:
            if needed <= entry.context_tokens:
                reason = f"{who}; {said} fit its {size_of(entry.context_tokens)} context"
                return Choice(entry, reason, Usage(input_tokens, output_tokens))
        raise _too_long(candidates[-1], said)

    def _candidates(self, named: str) -> tuple[list[Entry], str]:
        """Return who may be asked, the smallest first, and how they came to be."""
        for provider in self._config.providers:
            if named in ("", provider.name):
                tiers = [entry for entry in _entries(provider) if entry.is_tier]
                how = "named" if named else "the default"
                return tiers, f"smallest tier of {provider.name}, {how}"
        found = [entry for entry in self.entries() if named in (entry.name, entry.model)]
        if not found:
            raise _unknown(named, self.entries())
        first = [entry for entry in found if entry.provider is found[0].provider]
        return sorted(first, key=lambda entry: entry.context_tokens), f"{first[0].name}, named"


def _entries(provider: ProviderConfig) -> Iterator[Entry]:
    for tokens, model in provider.table.items():
        yield Entry(provider, model, tokens, is_tier=True)
    for model, tokens in provider.models.items():
        yield Entry(provider, model, tokens, is_tier=False)


def _too_long(largest: Entry, said: str) -> ModelFailure:
    return ModelFailure(
        FailureKind.CONTEXT_TOO_LONG,
        f"The request has {said}, and {largest.name} holds {largest.context_tokens}. Nothing was "
        "left out to make it fit: shorten it, or name a model with a larger context.",
        provider=largest.provider.name,
        model=largest.model,
    )


def _unknown(named: str, entries: Iterator[Entry]) -> AdjutantError:
    names = ", ".join(dict.fromkeys(entry.name for entry in entries))
    return AdjutantError(
        "UNKNOWN_MODEL",
        f"No model is named {named[:200]!r}. There are: {names}. An administrator adds others to "
        "the file that ADJUTANT_MODELS_FILE names.",
        field="model",
    )
