"""A first chat with nothing configured: it looks, asks, hands in work, and tells how that goes."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adjutant.common.v1 import response_pb2 as states
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import chat_message_pb2 as pb
from adjutant.orchestrator.v1 import session_pb2
from services.mesh.names import collection_and_id
from tests.integration.tenancy.conftest import eventually
from tests.support.conversation import PLAN, Talk
from tests.support.mesh import Caller, make_repository, mesh_in_process


@pytest.fixture
async def caller(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[Caller]:
    async with mesh_in_process(tmp_path / "data", **mesh_store) as mesh:
        yield mesh.caller


async def test_work_is_asked_about_handed_in_and_tells_how_it_goes(caller: Caller) -> None:
    talk = await Talk(caller.channel).begin()
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE
    looked = await talk.say("what tasks are running?")
    assert looked.text == "No unfinished tasks."
    assert await talk.tools_of(looked.name) == ["list_tasks"]

    asked = await talk.say(f"do: {PLAN}")
    assert asked.state == states.RESPONSE_STATE_COMPLETED
    assert "run: echo hi" in asked.text
    assert "Say yes" in asked.text
    waiting = await talk.session()
    assert waiting.state == session_pb2.SESSION_STATE_AWAITING
    assert waiting.pending_action.response == asked.name
    assert [call.tool for call in waiting.pending_action.calls] == ["submit_task"]
    assert not await talk.tasks()

    done = await talk.say("Yes!")
    [task] = await talk.tasks()
    assert collection_and_id(task.name)[1] in done.text
    assert task.submitter == "users/owner"
    assert await talk.tools_of(done.name) == ["submit_task"]
    after = await talk.session()
    assert after.state == session_pb2.SESSION_STATE_IDLE
    assert not after.HasField("pending_action")

    ended = await caller.finished(task.name)
    assert ended.state == task_states.TASK_STATE_COMPLETED

    async def told() -> list[str]:
        messages = await talk.messages()
        found = [one.text for one in messages if one.author == pb.CHAT_AUTHOR_TASK]
        assert all(one.task == task.name for one in messages if one.task)
        return found if len(found) >= 2 else []

    begun, completed = await eventually(told)
    assert begun.endswith("has begun.")
    assert completed.endswith("is completed.")
    looked = await talk.say("and the tasks?")
    assert "COMPLETED  Greet" in looked.text


async def test_an_approval_is_told_shown_and_answered_from_the_conversation(
    caller: Caller, tmp_path: Path
) -> None:
    talk = await Talk(caller.channel).begin()
    repo = make_repository(tmp_path / "repo")
    task = await caller.submit("- [ ] change\n  run: echo more >> README\n", repo)
    approval = await caller.pending_approval(task.name)
    listed = await talk.say("which approvals wait?")
    approval_id = collection_and_id(approval.name)[1]
    assert approval_id in listed.text
    assert approval.action_digest in listed.text
    changed = await talk.say(f"approve {approval_id} {'0' * 64}")
    assert "ACTION_CHANGED" in changed.text
    asked = await talk.say(f"approve {approval_id} {approval.action_digest}")
    assert approval.title in asked.text
    await talk.say("yes")
    assert (await caller.finished(task.name)).state == task_states.TASK_STATE_COMPLETED
