"""The orchestrator is killed while people are asked; nothing of what was asked is lost."""

import asyncio
from pathlib import Path

import grpc

from adjutant.common.v1 import approval_pb2 as states
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import approval_pb2
from tests.support.approvals import DENY, answer, get, heard, request
from tests.support.mesh import Caller, make_repository
from tests.support.processes import live_mesh

PLAN = "# Change\n- [ ] write\n  run: echo a > a.txt\n"


async def back(caller: Caller, name: str) -> approval_pb2.Approval:
    """Return an approval as soon as the orchestrator is there again."""
    async with asyncio.timeout(40):
        while True:
            try:
                return await get(caller, name)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(0.05)


async def test_parallel_questions_survive_a_kill_each_with_its_own_answer(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    async with live_mesh(tmp_path / "data") as (mesh, caller):
        tasks = [await caller.submit(PLAN, repo) for _ in range(2)]
        asked = [await caller.pending_approval(task.name) for task in tasks]
        tools = [await request(caller, task=tasks[0].name) for _ in range(2)]
        assert len({one.name for one in (*asked, *tools)}) == 4
        await mesh.kill("orchestrator")
        for one in (*asked, *tools):
            assert await back(caller, one.name) == one, "not a bit of it is lost"
        await answer(caller, tools[0].name)
        await answer(caller, tools[1].name, DENY)
        await answer(caller, asked[0].name, action_digest=asked[0].action_digest)
        await answer(caller, asked[1].name, DENY)
        ended = [(await caller.finished(task.name)).state for task in tasks]
        assert ended == [task_states.TASK_STATE_COMPLETED, task_states.TASK_STATE_FAILED]


async def test_warning_and_expiry_come_although_the_orchestrator_is_killed(tmp_path: Path) -> None:
    quick = {
        # So long that the orchestrator is back before the warning is due, also on a busy machine.
        "ADJUTANT_APPROVAL_TIMEOUT_MEDIUM_S": "18",
        "ADJUTANT_APPROVAL_TIMEOUT_HIGH_S": "2",
        "ADJUTANT_APPROVAL_WARNING_S": "8",
    }
    repo = make_repository(tmp_path / "repo")
    async with live_mesh(tmp_path / "data", **quick) as (mesh, caller):
        task = await caller.submit(PLAN, repo)
        first = await caller.pending_approval(task.name)
        await mesh.kill("orchestrator")
        await back(caller, first.name)
        await heard(caller, first.name, "approval_expiring")
        await mesh.kill("orchestrator")
        kinds = await heard(caller, first.name, "approval_resolved")
        assert [type(one).__name__ for one in kinds] == [
            "ApprovalRequested",
            "ApprovalExpiring",
            "ApprovalResolved",
        ], "each once"
        assert kinds[-1].state == states.APPROVAL_STATE_EXPIRED
        second = await caller.pending_approval(task.name)
        assert (second.previous, second.attempt) == (first.name, 2)
        await answer(caller, second.name)
        assert (await caller.finished(task.name)).state == task_states.TASK_STATE_COMPLETED
