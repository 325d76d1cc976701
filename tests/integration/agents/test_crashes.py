"""A crash between the user's yes and what is done: it is done once."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adjutant.orchestrator.v1 import session_pb2
from services.orchestrator.agents.confirmation import Confirmation
from services.orchestrator.agents.toolbox import Toolbox
from tests.integration.tenancy.conftest import House
from tests.support.conversation import PLAN, Talk
from tests.support.processes import live_mesh

CUTS = {
    "after the decision": (Confirmation, "_show"),
    "before the call": (Toolbox, "call"),
    "after the call": (Confirmation, "note_result"),
}


@pytest.mark.parametrize("cut", CUTS)
async def test_it_is_done_once_whatever_was_written_of_it(
    talk: Talk, house: House, monkeypatch: pytest.MonkeyPatch, cut: str
) -> None:
    await talk.say(f"do: {PLAN}")
    reached = asyncio.Event()

    async def stuck(*_: Any, **__: Any) -> None:
        reached.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(*CUTS[cut], stuck)
        response = await talk.send("yes")
        async with asyncio.timeout(20):
            await reached.wait()
        assert len(await talk.tasks()) == (cut == "after the call")
        await house.stop()
    await house.start()
    done = await talk.end_of(response.name)
    assert done.attempt == 2
    [task] = await talk.tasks()
    assert task.name.rpartition("/")[2] in done.text
    assert (await talk.session()).state == session_pb2.SESSION_STATE_IDLE


async def test_kills_while_an_answer_to_yes_is_made_leave_one_task(tmp_path: Path) -> None:
    async with live_mesh(tmp_path / "data", ADJUTANT_LEASE_TTL_S="3") as (mesh, caller):
        talk = await Talk(caller.channel).begin()
        for number, delay_s in enumerate((0.0, 0.02, 0.05), 1):
            await talk.say(f"do: {PLAN}")
            response = await talk.send("yes")
            await asyncio.sleep(delay_s)
            await mesh.kill("orchestrator")
            done = await talk.end_of(response.name)
            tasks = await talk.tasks()
            assert len(tasks) == number
            assert any(task.name.rpartition("/")[2] in done.text for task in tasks)
