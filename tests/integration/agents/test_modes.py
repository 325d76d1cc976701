"""Who answers: a named agent, or what the message needs; in turns, and within bounds."""

import asyncio

import yaml

from adjutant.common.v1 import error_reason_pb2
from adjutant.common.v1 import response_pb2 as states
from adjutant.orchestrator.v1 import session_pb2
from tests.integration.agents.conftest import Settle
from tests.integration.tenancy.conftest import House
from tests.support.conversation import Talk, models_file


async def test_a_named_agent_answers_with_its_own_tools_and_instructions(
    talk: Talk, settle: Settle, house: House
) -> None:
    file = house.folder / "agents.yaml"
    guide = {"name": "guide", "instructions": "You show people around.", "groups": ["project"]}
    file.write_text(yaml.safe_dump({"agents": [guide, {"name": "mute", "instructions": "Hm."}]}))
    await settle(agents_file=file)
    guided = await talk.say("your tools?", agent="guide")
    assert guided.text == "Tools that I may call in this conversation: about_project."
    [call] = [one.model_call for one in await talk.calls(guided.name)]  # nobody asked what it needs
    assert call.messages[0].text.text.startswith("You show people around.")
    assert (await talk.say("your tools?", agent="mute")).text.endswith("conversation: none.")
    unknown = await talk.say("hello", agent="stranger")
    assert unknown.state == states.RESPONSE_STATE_FAILED
    assert unknown.failure.reason == error_reason_pb2.ERROR_REASON_UNKNOWN_AGENT
    assert "guide" in unknown.failure.message


async def test_tools_are_called_so_often_and_then_the_model_answers_without(
    talk: Talk, settle: Settle, house: House
) -> None:
    again = {"tools": [{"name": "list_tasks", "arguments": {"which": "all"}}]}
    rules = [
        {"schema": "Intent", "text": "no JSON at all"},  # then all tools are offered
        {"role": "tool", **again},
        {"role": "user", **again},
        {"role": "tool", "text": "Enough: {tools}."},
        {"text": "unreachable"},
    ]
    await settle(models_file=models_file(house.folder / "models", rules), chat_max_tool_rounds=3)
    answer = await talk.say("go on for ever")
    assert answer.text == "Enough: none."
    assert await talk.tools_of(answer.name) == ["list_tasks"] * 3
    models = [one for one in await talk.calls(answer.name) if one.HasField("model_call")]
    assert len(models) == 1 + 4
    assert "list_schedules" in models[1].model_call.tool_names
    assert answer.usage.input_tokens == sum(one.model_call.usage.input_tokens for one in models)


async def test_what_is_said_meanwhile_waits_and_the_session_shows_it(
    talk: Talk, settle: Settle, house: House
) -> None:
    rules = [
        {"schema": "Intent", "text": '{"groups": []}'},
        {"match": "slow", "text": "one two three four", "delay_s": 0.3},
        {"text": "quick"},
    ]
    await settle(models_file=models_file(house.folder / "models", rules))
    slow, quick = await talk.send("slow"), await talk.send("second")
    assert (await talk.session()).state == session_pb2.SESSION_STATE_PROCESSING
    first, second = await asyncio.gather(talk.end_of(slow.name), talk.end_of(quick.name))
    assert (first.text, second.text) == ("one two three four", "quick")
    assert second.start_time.ToNanoseconds() >= first.end_time.ToNanoseconds()
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE
