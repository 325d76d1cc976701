"""Every provider through its real client, over HTTP, from a server that speaks its wire format."""

import asyncio
import json
from contextlib import aclosing

import pytest

from services.orchestrator.models.config import Kind
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    ModelMessage,
    ModelRequest,
    Role,
    StopReason,
    TextDelta,
    ToolCall,
    ToolSpec,
    Usage,
)
from tests.doubles.model_server import Answer, ModelServer, running_model_server
from tests.support.models import SCOPE, WIRES, Books, asked, finish, gateway_of, heard, provider_at

WEATHER = ToolSpec(
    "weather",
    "Tells the weather of a town.",
    {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]},
)
SCHEMA = {
    "title": "Sky",
    "type": "object",
    "properties": {"sky": {"type": "string"}},
    "required": ["sky"],
    "additionalProperties": False,
}

pytestmark = pytest.mark.parametrize("kind", WIRES)


async def test_streams_the_text_and_tells_what_it_took(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("Hel", "lo", " wörld"), input_tokens=20, cached_tokens=5, output_tokens=3))
    books = Books()
    text, rest = await heard(gateway_of(provider_at(kind, server.url), books=books), asked("hi"))
    end = finish(rest)
    cached = 0 if kind is Kind.OLLAMA else 5  # Ollama does not say
    assert text == "Hello wörld"
    assert end.usage == Usage(20, 3, cached)
    assert (end.stop_reason, end.model) == (StopReason.END, "as-served")
    assert books.deeds == ["reserve", "settle"]
    assert books.told[1] == ("settle", end.usage)
    [call] = books.calls
    assert (call.text, call.usage, call.is_usage_estimated) == (text, end.usage, False)
    # It is priced by the name under which the ledger knows it too.
    assert (call.model, call.answering_model) == ("small", "as-served")
    assert call.first_token_time is not None
    assert call.start_time <= call.first_token_time <= call.end_time
    assert "16k" in call.selection_reason


async def test_pieces_come_as_they_are_sent(kind: Kind, server: ModelServer) -> None:
    """The first piece is here while the server has not sent the second, and will not."""
    server.says(Answer(("one", "two"), stall_after=1))
    async with aclosing(gateway_of(provider_at(kind, server.url)).stream(SCOPE, asked("hi"))) as it:
        assert await anext(it) == TextDelta("one")


async def test_sends_the_conversation_and_its_bounds(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("ok",)))
    call = ToolCall("c1", "weather", {"town": "Brno"})
    messages = (
        ModelMessage(Role.SYSTEM, "Be brief."),
        ModelMessage(Role.USER, "Weather?"),
        ModelMessage(Role.ASSISTANT, "", (call,)),
        ModelMessage(Role.TOOL, "rain", tool_call_id="c1"),
    )
    request = ModelRequest(messages, (WEATHER,), max_output_tokens=77, temperature=0.5)
    await heard(gateway_of(provider_at(kind, server.url)), request)
    [(_, headers, body)] = server.requests
    assert body["model"] == "small"
    assert "weather" in json.dumps(body["tools"])
    assert "Brno" in json.dumps(body["messages"])
    assert "rain" in json.dumps(body["messages"])
    if kind is Kind.OLLAMA:
        assert body["options"] == {"num_ctx": 16384, "num_predict": 77, "temperature": 0.5}
    else:
        assert body.get("max_completion_tokens", body.get("max_tokens")) == 77
        assert body["temperature"] == 0.5
        # A key is for its maker: it is not sent to another address, unless the file names it.
        assert "key-of" not in str(headers)


async def test_tool_calls_come_whole(kind: Kind, server: ModelServer) -> None:
    calls = (("weather", {"town": "Brno"}), ("weather", {"town": "Praha", "days": 2}))
    server.says(Answer(("Let me see.",), tool_calls=calls))
    request = asked("Weather?", tools=(WEATHER,))
    text, rest = await heard(gateway_of(provider_at(kind, server.url)), request)
    found = [each for each in rest if isinstance(each, ToolCall)]
    assert text == "Let me see."
    assert [(call.name, call.arguments) for call in found] == list(calls)
    assert len({call.id for call in found} - {""}) == 2
    assert finish(rest).stop_reason is StopReason.TOOL_CALLS


async def test_asks_for_an_answer_in_a_form(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(('{"sky"', ': "blue"}')))
    text, _ = await heard(
        gateway_of(provider_at(kind, server.url)), asked("Sky?", output_schema=SCHEMA)
    )
    [(_, _, body)] = server.requests
    assert json.loads(text) == {"sky": "blue"}
    asked_for = {
        Kind.OLLAMA: lambda: body["format"],
        Kind.OPENAI: lambda: body["response_format"]["json_schema"]["schema"],
        Kind.ANTHROPIC: lambda: body["output_config"]["format"]["schema"],
    }
    assert asked_for[kind]() == SCHEMA


async def test_says_that_an_answer_was_cut_at_its_bound(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("half",), stop="length"))
    _, rest = await heard(gateway_of(provider_at(kind, server.url)), asked("hi"))
    assert finish(rest).stop_reason is StopReason.LENGTH


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (400, FailureKind.REFUSED),
        (401, FailureKind.REFUSED),
        (404, FailureKind.REFUSED),
        (429, FailureKind.RATE_LIMITED),
        (500, FailureKind.UNAVAILABLE),
        (503, FailureKind.UNAVAILABLE),
    ],
)
async def test_failures_are_typed_and_cost_nothing(
    kind: Kind, server: ModelServer, status: int, failure: FailureKind
) -> None:
    server.says(Answer(status=status, error="no, because of the weather"))
    books = Books()
    gateway = gateway_of(provider_at(kind, server.url), books=books, attempts=1)
    with pytest.raises(ModelFailure, match="because of the weather") as raised:
        await heard(gateway, asked("hi"))
    assert raised.value.kind is failure
    assert books.deeds == ["reserve", "release"]
    assert books.calls[0].failure is raised.value
    assert books.calls[0].usage == Usage()


async def test_tries_again_what_fails_for_now(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(status=500), Answer(status=429), Answer(("at last",)))
    books = Books()
    text, _ = await heard(gateway_of(provider_at(kind, server.url), books=books), asked("hi"))
    assert text == "at last"
    assert books.deeds == ["reserve", "release", "reserve", "release", "reserve", "settle"]
    assert len({call.call_id for call in books.calls}) == 3


async def test_sends_the_key_that_the_file_names(
    kind: Kind, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_OF_OURS", "key-of-ours")
    server.says(Answer(("ok",)))
    provider = provider_at(kind, server.url).model_copy(update={"api_key_env": "KEY_OF_OURS"})
    await heard(gateway_of(provider), asked("hi"))
    [(_, headers, _)] = server.requests
    sent = headers.get("authorization", "") + headers.get("x-api-key", "")
    assert ("key-of-ours" in sent) is (kind is not Kind.OLLAMA)  # which takes none


async def test_a_provider_that_asks_for_too_long_is_not_waited_for(
    kind: Kind, server: ModelServer
) -> None:
    server.says(Answer(status=429, headers={"retry-after": "3600"}))
    gateway = gateway_of(provider_at(kind, server.url), attempts=1 if kind is Kind.OLLAMA else 3)
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway, asked("hi"))
    # Ollama's client keeps no headers.
    assert raised.value.retry_after_s == (None if kind is Kind.OLLAMA else 3600)
    assert len(server.requests) == 1


async def test_waits_as_long_as_the_provider_asks(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(status=429, headers={"retry-after": "0.05"}), Answer(("now",)))
    # Without the header it would wait for ten minutes.
    initial_s = 0.01 if kind is Kind.OLLAMA else 600.0
    gateway = gateway_of(provider_at(kind, server.url), initial_s=initial_s, max_s=600.0)
    text, _ = await heard(gateway, asked("hi"))
    assert text == "now"


async def test_says_when_the_provider_finds_it_too_long(kind: Kind, server: ModelServer) -> None:
    said = {
        Kind.OPENAI: Answer(
            status=400,
            error="This model's maximum context length is 9",
            error_code="context_length_exceeded",
        ),
        Kind.ANTHROPIC: Answer(status=400, error="prompt is too long: 9 tokens"),
        Kind.OLLAMA: Answer(status=413, error="too long"),
    }
    server.says(said[kind])
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway_of(provider_at(kind, server.url)), asked("hi"))
    assert raised.value.kind is FailureKind.CONTEXT_TOO_LONG
    assert not raised.value.transient


async def test_does_not_try_again_what_is_refused(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(status=401))
    with pytest.raises(ModelFailure):
        await heard(gateway_of(provider_at(kind, server.url)), asked("hi"))
    assert len(server.requests) == 1


async def test_a_silent_provider_is_given_up(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("never",), stall_after=0))
    books = Books()
    gateway = gateway_of(provider_at(kind, server.url), books=books, liveness_s=0.3, attempts=1)
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway, asked("hi"))
    assert raised.value.kind is FailureKind.TIMED_OUT
    async with asyncio.timeout(5):
        await server.left.wait()
    # It may have read what it was sent, so that is paid for.
    assert books.deeds == ["reserve", "settle"]
    assert books.calls[0].is_usage_estimated


async def test_no_total_time_bounds_an_answer_that_comes(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("a",) * 8, delay_s=0.1))
    gateway = gateway_of(provider_at(kind, server.url), liveness_s=0.5)
    text, _ = await heard(gateway, asked("hi"))
    assert text == "a" * 8


@pytest.mark.parametrize("how", ["cut", "stall"])
async def test_nothing_is_tried_again_after_the_first_token(
    kind: Kind, server: ModelServer, how: str
) -> None:
    answer = Answer(("one", "two", "three"))
    setattr(answer, f"{how}_after", 2)
    server.says(answer)
    books = Books()
    gateway = gateway_of(provider_at(kind, server.url), books=books, liveness_s=0.5)
    stream = gateway.stream(SCOPE, asked("hi"))
    came = [await anext(stream), await anext(stream)]
    with pytest.raises(ModelFailure) as raised:
        await anext(stream)
    assert raised.value.kind is (FailureKind.BROKEN if how == "cut" else FailureKind.TIMED_OUT)
    assert raised.value.transient
    assert came == [TextDelta("one"), TextDelta("two")]
    assert len(server.requests) == 1
    assert books.deeds == ["reserve", "settle"]
    [call] = books.calls
    assert (call.text, call.is_usage_estimated) == ("onetwo", True)
    assert call.usage.output_tokens > 0


async def test_what_breaks_off_before_its_first_token_is_tried_again(
    kind: Kind, server: ModelServer
) -> None:
    """OpenAI and Anthropic have said who speaks by then, and given nothing."""
    server.says(Answer(("never",), cut_after=0), Answer(("at last",)))
    books = Books()
    text, _ = await heard(gateway_of(provider_at(kind, server.url), books=books), asked("hi"))
    assert text == "at last"
    assert len(server.requests) == 2
    first, _ = books.calls
    assert first.first_token_time is None
    assert first.usage.output_tokens == 0


async def test_thoughts_are_tokens_that_are_paid_for(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("never",), thoughts=("hm",) * 9, cut_after=0))
    books = Books()
    with pytest.raises(ModelFailure):
        await heard(gateway_of(provider_at(kind, server.url), books=books), asked("hi"))
    assert len(server.requests) == 1
    [call] = books.calls
    assert call.first_token_time is not None
    # Of OpenAI and Ollama each is an empty chunk, and the first two of those may be none.
    least = 9 if kind is Kind.ANTHROPIC else 7
    assert least <= call.usage.output_tokens <= 10
    assert books.told[-1] == ("settle", call.usage)


async def test_pieces_of_calls_of_tools_are_paid_for(kind: Kind, server: ModelServer) -> None:
    calls = (("weather", {"town": "Llanfairpwllgwyngyll" * 4}),)
    server.says(Answer(tool_calls=calls, stall_after=1))
    books = Books()
    gateway = gateway_of(provider_at(kind, server.url), books=books, liveness_s=0.5)
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway, asked("Weather?", tools=(WEATHER,)))
    assert raised.value.kind is FailureKind.TIMED_OUT
    [call] = books.calls
    assert call.usage.output_tokens > 30


async def test_closing_stops_the_provider_and_settles(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("one", "two"), stall_after=1))
    books = Books()
    stream = gateway_of(provider_at(kind, server.url), books=books).stream(SCOPE, asked("hi"))
    assert await anext(stream) == TextDelta("one")
    await stream.aclose()
    async with asyncio.timeout(5):
        await server.left.wait()
    assert books.deeds == ["reserve", "settle"]
    [call] = books.calls
    assert (call.text, call.is_cancelled, call.failure) == ("one", True, None)


async def test_cancelling_while_it_waits_settles_too(kind: Kind, server: ModelServer) -> None:
    server.says(Answer(("one",), stall_after=0))
    books = Books()
    gateway = gateway_of(provider_at(kind, server.url), books=books)
    waiting = asyncio.create_task(heard(gateway, asked("hi")))
    async with asyncio.timeout(5):
        while not server.requests:
            await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await server.left.wait()
    assert books.deeds == ["reserve", "settle"]
    assert books.calls[0].is_cancelled


async def test_nobody_listens(kind: Kind) -> None:
    async with running_model_server() as gone:
        url = gone.url
    books = Books()
    gateway = gateway_of(provider_at(kind, url), books=books, attempts=2)
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway, asked("hi"))
    assert raised.value.kind is FailureKind.UNAVAILABLE
    assert books.deeds == ["reserve", "release", "reserve", "release"]
