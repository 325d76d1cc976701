"""The one way to a model: choose, reserve, stream, settle, record."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from services.mesh.telemetry import tracer
from services.orchestrator.models.call import Call
from services.orchestrator.models.catalog import Catalog, Choice
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    ChatModel,
    Delta,
    Finished,
    Ledger,
    ModelRequest,
    Pulse,
    Recorder,
)

_SPREAD: Final = 0.25


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try."""

    liveness_s: float = 300.0
    """Seconds without a token after which a call is dead."""
    attempts: int = 3
    """How often a call is tried that fails for now, before its first token."""
    initial_s: float = 1.0
    """Seconds until the second attempt, less up to a quarter; doubled each time."""
    max_s: float = 60.0
    """Seconds until the next attempt at most; a provider that asks for more is not waited for."""

    def pause_s(self, attempt: int, failure: ModelFailure) -> float | None:
        """Return how long to wait after a failed attempt; None where there is to be no other."""
        if not failure.transient or attempt >= self.attempts:
            return None
        if failure.retry_after_s is not None:
            return failure.retry_after_s if failure.retry_after_s <= self.max_s else None
        whole_s: float = min(self.initial_s * 2 ** (attempt - 1), self.max_s)
        return whole_s * (1 - random.random() * _SPREAD)


class ModelGateway:
    """Asks models on behalf of whoever wants an answer; see the protocol `Models`."""

    def __init__(
        self, catalog: Catalog, ledger: Ledger, recorder: Recorder, patience: Patience
    ) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._recorder = recorder
        self._patience = patience

    async def stream(
        self, scope: CallScope, request: ModelRequest, model: str = ""
    ) -> AsyncGenerator[Delta, None]:
        """Yield a model's answer as it comes; see `Models`."""
        request = self._catalog.bounded(request)
        choice = self._catalog.choose(request, model)
        attempt = 1
        while True:
            call = Call(scope, request, choice, self._ledger, self._recorder)
            try:
                async with aclosing(self._attempt(call, choice)) as deltas:
                    async for delta in deltas:
                        yield delta
                return
            except ModelFailure as failure:
                pause_s = self._patience.pause_s(attempt, failure)
                if call.has_begun or pause_s is None:
                    raise
            await asyncio.sleep(pause_s)
            attempt += 1

    async def _attempt(self, call: Call, choice: Choice) -> AsyncGenerator[Delta, None]:
        """Ask the provider once. However it ends, what was used is settled and kept."""
        model = await self._catalog.model(choice.entry)
        await call.reserve()
        # Not the current span: a generator's steps may run in different contexts.
        span = tracer().start_span("model call", attributes=call.attributes)
        try:
            async with aclosing(self._alive(model, call)) as answer:
                async for delta in answer:
                    call.take(delta)
                    if isinstance(delta, Finished):
                        break
                    yield delta
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            await call.close()
            span.set_attributes(call.outcome)
            span.end()
        assert call.finished
        yield call.finished

    async def _alive(self, model: ChatModel, call: Call) -> AsyncGenerator[Delta, None]:
        """Yield what the model gives; TIMED_OUT where nothing came for too long.

        Only waiting for the model counts, and not what the reader does with a token.
        """
        async with aclosing(model.stream(call.request, call.scope)) as source:
            while True:
                try:
                    async with asyncio.timeout(self._patience.liveness_s):
                        delta = await anext(source)
                except TimeoutError:
                    raise self._silent(model) from None
                except StopAsyncIteration:
                    raise _unfinished(model) from None
                if isinstance(delta, Pulse):
                    call.feel(delta)
                else:
                    yield delta

    def _silent(self, model: ChatModel) -> ModelFailure:
        return ModelFailure(
            FailureKind.TIMED_OUT,
            f"{model.provider}/{model.model} gave no token for {self._patience.liveness_s:g} s. "
            "Look whether it is overloaded, or allow it more: ADJUTANT_MODEL_LIVENESS_S.",
            provider=model.provider,
            model=model.model,
        )


def _unfinished(model: ChatModel) -> ModelFailure:
    return ModelFailure(
        FailureKind.BROKEN,
        f"{model.provider}/{model.model} broke off in the middle of its answer. Try again.",
        provider=model.provider,
        model=model.model,
    )
