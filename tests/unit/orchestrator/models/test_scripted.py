import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.orchestrator.adapters.models import make_factories
from services.orchestrator.models.catalog import Catalog
from services.orchestrator.models.config import Kind, ModelsConfig, ProviderConfig
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.models.port import (
    CallScope,
    ModelMessage,
    ModelRequest,
    Role,
    StopReason,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from services.orchestrator.models.scripted import read_script
from tests.support.models import SCOPE, Books, asked, finish, gateway_of, heard

WEATHER = ToolSpec("weather", "Tells the weather.", {"type": "object"})
RULES = r"""
rules:
  - match: (?i)weather in (?P<town>\w+)
    text: Let me see.
    tools:
      - {name: weather, arguments: {town: "{town}", days: 2, where: ["{town}"]}}
  - role: tool
    text: "It is {message}, {unknown} of {message_count}."
  - match: thrice
    text: one two three
    failure: {kind: unavailable, times: 2}
  - match: breaks
    text: one two three
    failure: {kind: broken, after_tokens: 2}
  - match: waits
    failure: {kind: rate_limited, retry_after_s: 3600}
  - match: slow
    text: one two three
    delay_s: 60
  - schema: Sky
    text: '{"sky": "blue"}'
  - text: You said {message}
"""


@pytest.fixture
def provider(tmp_path: Path) -> ProviderConfig:
    path = tmp_path / "script.yaml"
    path.write_text(RULES)
    return ProviderConfig(name="scripted", kind=Kind.SCRIPTED, script=path)


async def test_the_first_rule_that_fits_answers_token_by_token(provider: ProviderConfig) -> None:
    deltas = [d async for d in gateway_of(provider).stream(SCOPE, asked("a b\nc"))]
    *pieces, end = deltas
    assert pieces == [TextDelta(p) for p in ("You", " said", " a", " b", "\nc")]
    usage = finish([end]).usage
    assert usage.output_tokens == 5
    assert usage.input_tokens > 0


async def test_answers_are_the_same_each_time(provider: ProviderConfig) -> None:
    gateway = gateway_of(provider)
    request = asked("weather in Brno", tools=(WEATHER,))
    assert await heard(gateway, request) == await heard(gateway, request)


async def test_calls_tools_and_goes_on_with_their_results(provider: ProviderConfig) -> None:
    gateway = gateway_of(provider)
    request = asked("weather in Brno", tools=(WEATHER,))
    _, rest = await heard(gateway, request)
    call = ToolCall("call-1", "weather", {"town": "Brno", "days": 2, "where": ["Brno"]})
    assert rest[0] == call
    assert finish(rest).stop_reason is StopReason.TOOL_CALLS
    further = (
        ModelMessage(Role.ASSISTANT, "Let me see.", (call,)),
        ModelMessage(Role.TOOL, "rain", tool_call_id="call-1"),
    )
    text, _ = await heard(gateway, ModelRequest((*request.messages, *further), (WEATHER,)))
    assert text == "It is rain, {unknown} of 3."
    again = ModelMessage(Role.USER, "weather in Praha")
    messages = (*request.messages, *further, again)
    _, rest = await heard(gateway, ModelRequest(messages, (WEATHER,)))
    assert isinstance(rest[0], ToolCall)
    assert rest[0].id == "call-2"


async def test_a_tool_that_is_not_on_offer_is_not_called(provider: ProviderConfig) -> None:
    text, rest = await heard(gateway_of(provider), asked("weather in Brno"))
    assert text == "You said weather in Brno"
    assert len(rest) == 1


async def test_fails_as_often_as_it_is_told(provider: ProviderConfig) -> None:
    books = Books()
    gateway = gateway_of(provider, books=books)
    text, _ = await heard(gateway, asked("thrice"))
    assert text == "one two three"
    assert books.deeds == ["reserve", "release", "reserve", "release", "reserve", "settle"]


async def test_fails_in_the_middle(provider: ProviderConfig) -> None:
    stream = gateway_of(provider).stream(SCOPE, asked("breaks"))
    assert [await anext(stream), await anext(stream)] == [TextDelta("one"), TextDelta(" two")]
    with pytest.raises(ModelFailure) as raised:
        await anext(stream)
    assert raised.value.kind is FailureKind.BROKEN


async def test_what_would_be_waited_for_too_long_is_told_at_once(provider: ProviderConfig) -> None:
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway_of(provider), asked("waits"))
    assert raised.value.retry_after_s == 3600
    assert raised.value.reason == "MODEL_RATE_LIMITED"


async def test_closing_does_not_wait_for_a_slow_answer(provider: ProviderConfig) -> None:
    books = Books()
    task = asyncio.create_task(
        heard(gateway_of(provider, books=books, liveness_s=90), asked("slow"))
    )
    async with asyncio.timeout(5):
        while not books.deeds:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    # Whether it had been asked by then decides which.
    assert books.deeds in (["reserve", "settle"], ["reserve", "release"])


async def test_structured_answers_need_a_rule_for_their_schema(provider: ProviderConfig) -> None:
    gateway = gateway_of(provider)
    text, _ = await heard(gateway, asked("Sky?", output_schema={"title": "Sky"}))
    assert text == '{"sky": "blue"}'
    with pytest.raises(ModelFailure) as raised:
        await heard(gateway, asked("Sky?", output_schema={"title": "Sea"}))
    assert raised.value.kind is FailureKind.REFUSED


async def test_the_bound_on_an_answer_holds(provider: ProviderConfig) -> None:
    text, rest = await heard(gateway_of(provider), asked("a b c", max_output_tokens=2))
    assert text == "You said"
    assert finish(rest).stop_reason is StopReason.LENGTH


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Hello", "I am Adjutant's scripted model"),
        ("who are you?", "project Web (clients/acme/projects/web), with 2 tasks (2 completed)"),
        ("What are my tasks doing", "has 2 tasks (2 completed)"),
        ("what project is this", "This is the project Web"),
        ("do I need an API key?", "No language model answers you here: I am scripted"),
        ("compose an opera", "I will not make an answer up"),
    ],
)
async def test_the_built_in_script_says_what_is_true(question: str, said: str) -> None:
    wanted: list[frozenset[str]] = []

    async def facts(scope: CallScope, names: frozenset[str]) -> Mapping[str, str]:
        wanted.append(names)
        return {
            "project": scope.project,
            "project_title": "Web",
            "project_description": "",
            "task_summary": "2 tasks (2 completed)",
        }

    provider = ProviderConfig(name="scripted", kind=Kind.SCRIPTED)
    config = ModelsConfig(providers=(provider,))
    books = Books()
    catalog = Catalog(config, make_factories(config, facts), 256)
    text, _ = await heard(ModelGateway(catalog, books, books, Patience()), asked(question))
    assert said in text
    assert "{" not in text
    assert wanted


def test_the_built_in_script_can_be_read() -> None:
    *_, last = read_script(None).rules
    assert last.match.pattern == ""  # so that there is an answer to everything


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("match: x", "needs text, tools or failure"),
        ("match: '('\n    text: x", "no regular expression"),
        ("text: x\n    role: system", "role"),
        ("failure: {kind: bored}", "kind"),
    ],
)
def test_says_what_is_wrong_with_a_script(tmp_path: Path, rule: str, told: str) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(f"rules:\n  - {rule}\n")
    with pytest.raises(ValueError, match="the script") as raised:
        read_script(path)
    assert told in str(raised.value)


async def test_a_token_takes_as_long_as_the_rule_says(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text("rules: [{text: a b c, delay_s: 0.05}]")
    start = time.monotonic()
    await heard(gateway_of(ProviderConfig(name="s", kind=Kind.SCRIPTED, script=path)), asked("x"))
    assert time.monotonic() - start >= 0.14
