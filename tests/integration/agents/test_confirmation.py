"""What changes something is done when the user says so, as often as they say so, and not else."""

import asyncio
from typing import Any

import pytest

from adjutant.common.v1 import response_pb2 as states
from adjutant.orchestrator.v1 import session_pb2
from services.mesh.errors import AdjutantError
from services.orchestrator.agents.confirmation import Confirmation
from tests.integration.agents.conftest import Settle
from tests.integration.tenancy.conftest import PROJECT, House, refused
from tests.support.conversation import PLAN, Talk, models_file

MISSING = "01a21a0c-4548-76c5-ab4c-d6be416fba3c"


async def test_no_and_anything_else_leave_it_and_a_later_yes_does_nothing(talk: Talk) -> None:
    await talk.say(f"do: {PLAN}")
    declined = await talk.say("no")
    assert declined.text == "The user does not want that; it was not done."
    [call] = [one for one in await talk.calls(declined.name) if one.HasField("tool_call")]
    assert "does not want" in call.failure.message
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE

    await talk.say(f"do: {PLAN}")
    other = await talk.say("yes, but first: what tasks are there?")
    assert other.text == "No tasks."
    await talk.say("yes")
    assert not await talk.tasks()
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE


async def test_a_yes_that_was_sent_before_the_question_confirms_nothing(talk: Talk) -> None:
    asking, early = await talk.send(f"do: {PLAN}"), await talk.send("yes")
    assert "Say yes" in (await talk.end_of(asking.name)).text
    answered = await talk.end_of(early.name)
    assert answered.state == states.RESPONSE_STATE_COMPLETED
    assert not await talk.tools_of(answered.name)
    assert not await talk.tasks()
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE


@pytest.mark.parametrize(("end", "expires"), [("CANCELLED", False), ("FAILED", True)])
async def test_a_question_whose_answer_broke_off_is_not_shown_and_confirms_nothing(
    talk: Talk, settle: Settle, monkeypatch: pytest.MonkeyPatch, end: str, expires: bool
) -> None:
    if expires:
        await settle(response_ttl_s=0.5)
    stored, ask = asyncio.Event(), Confirmation.ask

    async def breaks_off(self: Confirmation, *asked: Any) -> None:
        await ask(self, *asked)
        stored.set()
        if end == "FAILED":
            raise AdjutantError("MODEL_UNAVAILABLE", "It broke off.")
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(Confirmation, "ask", breaks_off)
        response = await talk.send(f"do: {PLAN}")
        await stored.wait()
        if end == "CANCELLED":
            await talk.cancel(response.name)
        ended = await talk.end_of(response.name)
    assert states.ResponseState.Name(ended.state) == f"RESPONSE_STATE_{end}"
    session = await talk.session()
    assert session.state == session_pb2.SESSION_STATE_IDLE
    assert not session.HasField("pending_action")
    if expires:
        await talk.expiry()
    await talk.say("yes")
    assert not await talk.tasks()


async def test_a_question_stands_when_the_response_that_asked_has_expired(
    talk: Talk, settle: Settle
) -> None:
    await settle(response_ttl_s=0.5)
    await talk.say(f"do: {PLAN}")
    await talk.expiry()
    assert (await talk.session()).state == session_pb2.SESSION_STATE_AWAITING
    await talk.say("yes")
    assert len(await talk.tasks()) == 1


async def test_a_tool_that_fails_is_told_and_what_is_wrong_from_the_start_is_not_asked_about(
    talk: Talk,
) -> None:
    wrong = await talk.say("do: - [ ] nothing to run")
    assert "INVALID_PLAN" in wrong.text
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE

    missing = await talk.say(f"cancel the task {MISSING}")
    assert missing.state == states.RESPONSE_STATE_COMPLETED
    assert "NOT_FOUND" in missing.text
    [call] = [one for one in await talk.calls(missing.name) if one.HasField("tool_call")]
    assert "NOT_FOUND" in call.failure.message
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE

    await talk.say(f"do: {PLAN}")
    await talk.say("yes")
    [task] = await talk.tasks()
    asked = await talk.say(f"retry the task {task.name.rpartition('/')[2]}")
    assert "the task “Greet” (" in asked.text
    failed = await talk.say("ok")
    assert failed.state == states.RESPONSE_STATE_COMPLETED
    assert "ILLEGAL_TRANSITION" in failed.text
    [call] = [one for one in await talk.calls(failed.name) if one.HasField("tool_call")]
    assert "ILLEGAL_TRANSITION" in call.failure.message


async def test_calls_of_one_round_wait_together_and_only_what_was_said_is_done(
    talk: Talk, settle: Settle, house: House
) -> None:
    submit = {"name": "submit_task", "arguments": {"instructions": PLAN}}
    wrong = {"name": "submit_task", "arguments": {"instructions": "- [ ] nothing to run"}}
    rules = [
        {"schema": "Intent", "text": '{"groups": ["tasks"]}'},
        {"match": "both", "tools": [{"name": "list_tasks"}, wrong, submit]},
        {"role": "tool", "text": "{message}"},
        {"text": "nothing"},
    ]
    await settle(models_file=models_file(house.folder / "models", rules))
    asked = await talk.say("both")
    assert "nothing to run" not in asked.text
    waiting = (await talk.session()).pending_action
    assert [call.tool for call in waiting.calls] == ["submit_task"]
    assert await talk.tools_of(asked.name) == ["submit_task"]  # the wrong one, which failed
    done = await talk.say("yes")
    assert await talk.tools_of(done.name) == ["list_tasks", "submit_task"]
    assert len(await talk.tasks()) == 1


async def test_whoever_may_not_does_not_through_an_agent(talk: Talk, house: House) -> None:
    await talk.say(f"do: {PLAN}")
    await house.owner.member(PROJECT, "ada", "VIEWER")

    async def says_yes() -> None:
        await talk.say("yes")

    reason, _ = await refused(says_yes())
    assert reason == "PERMISSION_DENIED"
    assert not await talk.tasks()


async def test_a_key_that_may_chat_and_no_more_is_offered_no_more(house: House) -> None:
    token = await house.owner.narrow_key(PROJECT, "EDITOR", "CHAT_READ", "CHAT_WRITE", "TASKS_READ")
    talk = await Talk(house.with_token(token).channel).begin()
    answer = await talk.say(f"do: {PLAN}")
    assert answer.text.startswith("I may not hand in work for you here.")
    looked = await talk.say("which tasks?")
    assert looked.text == "No tasks."
    calls = await Talk(house.owner.channel).calls(looked.name)
    models = [one.model_call for one in calls if one.HasField("model_call")]
    assert [list(call.tool_names) for call in models][1:] == [["list_tasks", "get_task"]] * 2
    assert not await talk.tasks()
