"""The order in which a call is reserved, asked, settled and kept, whatever happens in between."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.mesh.errors import AdjutantError
from services.orchestrator.models import books as books_of_calls
from services.orchestrator.models.catalog import Catalog
from services.orchestrator.models.config import Kind, ModelsConfig
from services.orchestrator.models.estimate import calls_tokens
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    ModelRequest,
    Pulse,
    RecordedModelCall,
    StopReason,
    TextDelta,
    ToolCall,
    Usage,
)
from tests.support.models import SCOPE, Books, asked, heard, provider_at

DONE = Finished(Usage(1, 2), StopReason.END, "small")


class Plays:
    """Stands in for a provider: yields what it is given, waits where that is an event."""

    provider, model, context_tokens = "ollama", "small", 16384

    def __init__(self, *acts: Delta | Pulse | asyncio.Event | Exception) -> None:
        self.acts = acts
        self.closed = 0

    async def stream(
        self, request: ModelRequest, scope: CallScope
    ) -> AsyncGenerator[Delta | Pulse, None]:
        try:
            for act in self.acts:
                if isinstance(act, asyncio.Event):
                    await act.wait()
                elif isinstance(act, Exception):
                    raise act
                else:
                    yield act
        finally:
            self.closed += 1


class SlowBooks(Books):
    """Books whose every deed waits for a word."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        """Set when a deed waits."""

    async def _wait(self) -> None:
        self.begun.set()
        await self.go.wait()
        self.begun.clear()

    async def reserve(
        self, scope: CallScope, call_id: str, provider: str, model: str, estimate: Usage
    ) -> None:
        await self._wait()
        await super().reserve(scope, call_id, provider, model, estimate)

    async def model_call(self, scope: CallScope, call: RecordedModelCall) -> None:
        await self._wait()
        await super().model_call(scope, call)


class Exhausted(Books):
    async def reserve(
        self, scope: CallScope, call_id: str, provider: str, model: str, estimate: Usage
    ) -> None:
        raise AdjutantError("RATE_LIMITED", "There is no money left.")


class Away(Books):
    """Books in a store that is away, or takes nothing, so many times."""

    def __init__(self, times: int, error: Exception) -> None:
        super().__init__()
        self.times = times
        self.error = error

    async def settle(self, call_id: str, usage: Usage) -> None:
        await super().settle(call_id, usage)
        if self.deeds.count("settle") <= self.times:
            raise self.error


def gateway(model: Plays, books: Books, **patience: float) -> ModelGateway:
    config = ModelsConfig(providers=(provider_at(Kind.OLLAMA, "http://127.0.0.1:9"),))
    catalog = Catalog(config, {Kind.OLLAMA: lambda *_: model}, 256)
    given = {"liveness_s": 5.0, "initial_s": 0.01, **patience}
    return ModelGateway(catalog, books, books, Patience(**given))  # type: ignore[arg-type]


async def test_nothing_is_asked_where_the_ledger_says_no() -> None:
    model, books = Plays(TextDelta("a"), DONE), Exhausted()
    with pytest.raises(AdjutantError, match="no money"):
        await heard(gateway(model, books), asked("hi"))
    assert model.closed == 0
    assert books.deeds == []
    assert books.calls == []


async def test_what_ends_an_answer_comes_when_it_is_settled() -> None:
    model, books = Plays(TextDelta("a"), DONE), Books()
    stream = gateway(model, books).stream(SCOPE, asked("hi"))
    assert await anext(stream) == TextDelta("a")
    assert books.deeds == ["reserve"]
    assert await anext(stream) == DONE
    assert books.deeds == ["reserve", "settle"]
    assert model.closed == 1
    await stream.aclose()
    assert books.deeds == ["reserve", "settle"]


async def test_a_reservation_that_was_made_while_cancelled_is_given_back() -> None:
    model, books = Plays(DONE), SlowBooks()
    waiting = asyncio.create_task(heard(gateway(model, books), asked("hi")))
    await books.begun.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    books.go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert books.deeds == ["reserve", "release"]
    assert model.closed == 0


async def test_it_is_settled_and_kept_though_it_is_cancelled_again_meanwhile() -> None:
    model, books = Plays(TextDelta("a"), asyncio.Event()), SlowBooks()
    books.go.set()
    came = asyncio.Event()

    async def hear() -> None:
        async for _ in gateway(model, books).stream(SCOPE, asked("hi")):
            came.set()

    waiting = asyncio.create_task(hear())
    await came.wait()
    books.go.clear()
    waiting.cancel()
    await books.begun.wait()
    waiting.cancel()
    await asyncio.sleep(0)
    books.go.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        while not books.calls:
            await asyncio.sleep(0)
    assert books.deeds == ["reserve", "settle"]
    assert books.calls[0].is_cancelled


@pytest.mark.parametrize(
    ("error", "times", "tries"),
    [
        (AdjutantError("STORE_UNAVAILABLE", "It is away."), 2, 3),
        (AdjutantError("CONCURRENT_CHANGE", "It changes all the time."), 100, 5),
        (AdjutantError("NOT_FOUND", "The project is gone."), 100, 1),
        (RuntimeError("a fault of ours"), 100, 1),
    ],
)
async def test_an_answer_that_came_is_given_whatever_becomes_of_its_books(
    monkeypatch: pytest.MonkeyPatch, error: Exception, times: int, tries: int
) -> None:
    monkeypatch.setattr(books_of_calls, "PAUSES_S", (0.01,) * 4)
    model, books = Plays(TextDelta("a"), DONE), Away(times, error)
    text, rest = await heard(gateway(model, books), asked("hi"))
    assert (text, rest, model.closed) == ("a", [DONE], 1)
    assert books.deeds == ["reserve"] + ["settle"] * tries
    [call] = books.calls
    assert (call.text, call.usage) == ("a", DONE.usage)


async def test_books_that_fail_do_not_hide_why_the_model_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(books_of_calls, "PAUSES_S", (0.01,) * 4)
    broken = ModelFailure(FailureKind.BROKEN, "It broke off. Try again.")
    model = Plays(TextDelta("a"), broken)
    books = Away(100, AdjutantError("STORE_UNAVAILABLE", "It is away."))
    with pytest.raises(ModelFailure, match="broke off"):
        await heard(gateway(model, books), asked("hi"))
    assert books.calls[0].failure is broken


async def test_a_model_that_thinks_is_alive() -> None:
    """Longer than a silence may be, with a sign of life in between that nobody else hears."""
    events = [asyncio.Event() for _ in range(4)]
    acts = [act for event in events for act in (Pulse(), event)]
    model, books = Plays(*acts, TextDelta("a"), DONE), Books()

    async def one_after_the_other() -> None:
        for event in events:
            await asyncio.sleep(0.15)
            event.set()

    thinking = asyncio.create_task(one_after_the_other())
    text, rest = await heard(gateway(model, books, liveness_s=0.4), asked("hi"))
    await thinking
    assert (text, rest) == ("a", [DONE])


async def test_nothing_is_tried_again_after_a_thought() -> None:
    failure = ModelFailure(FailureKind.UNAVAILABLE, "It is away. Try again.")
    model, books = Plays(Pulse(), failure), Books()
    with pytest.raises(ModelFailure):
        await heard(gateway(model, books), asked("hi"))
    assert books.deeds == ["reserve", "settle"]


CALL = ToolCall("c1", "weather", {"town": "Brno"})


@pytest.mark.parametrize(
    ("acts", "tokens"),
    [
        ((Pulse(),) * 5, 5),
        ((Pulse(7), TextDelta("abc"), Pulse()), 9),
        ((Pulse(0),), 0),
        ((Pulse(), CALL), calls_tokens([CALL])),  # its pieces are not paid for twice
        ((Pulse(100), CALL), 100),
        ((Pulse(300),), 256),  # no model gives more than it was allowed
        ((TextDelta("abc" * 300),), 256),
    ],
)
@pytest.mark.parametrize("how", ["cut", "silent", "cancelled"])
async def test_thoughts_and_pieces_of_calls_are_paid_for(
    acts: tuple[Delta | Pulse, ...], tokens: int, how: str
) -> None:
    end = ModelFailure(FailureKind.BROKEN, "Cut.") if how == "cut" else asyncio.Event()
    model, books = Plays(*acts, end), Books()
    patience = {"liveness_s": 0.1} if how == "silent" else {}
    hearing = asyncio.create_task(heard(gateway(model, books, attempts=1, **patience), asked("hi")))
    if how == "cancelled":
        await asyncio.sleep(0.1)
        hearing.cancel()
    with pytest.raises((ModelFailure, asyncio.CancelledError)):
        await hearing
    _, used = books.told[-1]
    assert isinstance(used, Usage)
    assert used.output_tokens == tokens
    [call] = books.calls
    assert (call.usage, call.is_usage_estimated) == (used, True)


async def test_a_sign_of_life_is_no_token() -> None:
    failure = ModelFailure(FailureKind.UNAVAILABLE, "It is away. Try again.")
    model, books = Plays(Pulse(0), failure), Books()
    with pytest.raises(ModelFailure):
        await heard(gateway(model, books, attempts=2), asked("hi"))
    assert books.deeds == ["reserve", "release"] * 2
    assert books.calls[0].first_token_time is None


async def test_a_slow_reader_is_not_a_silent_model() -> None:
    model, books = Plays(TextDelta("a"), TextDelta("b"), DONE), Books()
    pieces = []
    async for delta in gateway(model, books, liveness_s=0.1).stream(SCOPE, asked("hi")):
        pieces.append(delta)
        await asyncio.sleep(0.2)
    assert pieces == [TextDelta("a"), TextDelta("b"), DONE]


async def test_what_nobody_foresaw_is_settled_and_raised() -> None:
    model, books = Plays(TextDelta("a"), RuntimeError("a fault of ours")), Books()
    with pytest.raises(RuntimeError, match="a fault of ours"):
        await heard(gateway(model, books), asked("hi"))
    assert books.deeds == ["reserve", "settle"]
    assert not books.calls[0].is_cancelled


@pytest.mark.parametrize("attempts", [1, 4])
async def test_it_is_tried_as_often_as_is_configured(attempts: int) -> None:
    model = Plays(ModelFailure(FailureKind.UNAVAILABLE, "It is away. Try again."))
    books = Books()
    with pytest.raises(ModelFailure):
        await heard(gateway(model, books, attempts=attempts), asked("hi"))
    assert model.closed == attempts
    assert books.deeds == ["reserve", "release"] * attempts
