"""What calls of models cost: as settings say, else as genai-prices knows it.

https://github.com/pydantic/genai-prices carries its prices with it; nothing is fetched.
"""

import asyncio
import importlib
from collections.abc import Mapping
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.orchestrator.models.port import Usage
from services.orchestrator.usage.amount import PICOS

_MILLION: Final = 10**6
Dollars = Annotated[Decimal, Field(ge=0, le=_MILLION, allow_inf_nan=False)]


class ModelPrice(BaseModel):
    """What a million tokens cost, in US dollars."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars
    """Of what is sent."""
    output: Dollars
    """Of the answer."""
    cached_input: Dollars | None = None
    """Of what is sent and the provider has in its cache; unset is as `input`."""

    def cost(self, usage: Usage) -> Decimal:
        """Return what a call costs, in dollars."""
        cached = min(usage.cached_input_tokens, usage.input_tokens)
        of_cached = self.input if self.cached_input is None else self.cached_input
        sent = (usage.input_tokens - cached) * self.input + cached * of_cached
        return (sent + usage.output_tokens * self.output) / _MILLION


FREE: Final = frozenset({"ollama", "scripted"})
"""Kinds of providers whose models run here."""


class Prices:
    """Knows what calls cost."""

    def __init__(
        self, settings: Mapping[str, ModelPrice], kinds: Mapping[str, str] | None = None
    ) -> None:
        """Take prices that go before all others, by `provider/model`, where `*` is anything.

        Of several that fit, the first holds. `kinds` says what providers are, whatever they are
        called: `ollama`, `openai`; one that is not in it is what it is called.
        """
        self._own = dict(settings)
        self._kinds = dict(kinds or {})
        self._known: Any = None

    async def cost(self, provider: str, model: str, usage: Usage, time: datetime) -> int | None:
        """Return what a call at a time costs, in picodollars; None where nobody knows."""
        name = f"{provider}/{model}"
        for pattern, price in self._own.items():
            if fnmatchcase(name, pattern):
                return _picos(price.cost(usage))
        kind = self._kinds.get(provider, provider)
        return 0 if kind in FREE else await self._published(kind, model, usage, time)

    async def is_free(self, provider: str, model: str, time: datetime) -> bool:
        """Tell whether a call costs nothing, however long it is."""
        much = Usage(input_tokens=_MILLION, output_tokens=_MILLION)
        return await self.cost(provider, model, much, time) == 0

    async def _published(self, kind: str, model: str, usage: Usage, time: datetime) -> int | None:
        if self._known is None:  # it takes a third of a second, which calls under way do not wait
            self._known = await asyncio.to_thread(importlib.import_module, "genai_prices")
        tokens = self._known.Usage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=min(usage.cached_input_tokens, usage.input_tokens),
        )
        try:
            price = self._known.calc_price(
                tokens, model_ref=model, provider_id=kind, genai_request_timestamp=time
            )
        except LookupError:
            return None
        return _picos(price.total_price)


def _picos(dollars: Decimal) -> int:
    return int((dollars * PICOS).to_integral_value(ROUND_CEILING))
