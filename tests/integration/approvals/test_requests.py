"""Programs ask whether a tool may be used, and people answer."""

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.common.v1 import approval_pb2 as states
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.asking import Asker
from services.orchestrator.approvals.dismissal import Dismissal
from tests.support.approvals import (
    APPROVE,
    CHOOSE,
    DENY,
    answer,
    get,
    heard,
    listed,
    request,
    settle,
    tool,
)
from tests.support.errors import fields_of, reason_of
from tests.support.identities import Hierarchy
from tests.support.mesh import PROJECT, Caller, MeshInProcess
from tests.support.stores import on_both_stores

HISTORY = states.ApprovalChange


async def test_a_request_is_answered_and_its_history_tells_of_it(mesh: MeshInProcess) -> None:
    asked = await request(mesh.caller, tool("write_file", path="a.txt", text="hello"))
    assert asked.state == states.APPROVAL_STATE_PENDING
    action = {"tool": json_format.MessageToDict(asked.tool)}
    text = json.dumps(action, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hashlib.sha256(text.encode()).hexdigest() == asked.action_digest, "as the page says"
    assert (asked.kind, asked.risk) == (states.APPROVAL_KIND_TOOL, states.RISK_MEDIUM)
    assert asked.expire_time.seconds - asked.create_time.seconds in (299, 300, 301)
    decided = await answer(
        mesh.caller, asked.name, reason="fine", action_digest=asked.action_digest
    )
    assert decided.state == states.APPROVAL_STATE_APPROVED
    assert [entry.change for entry in decided.history] == [
        HISTORY.APPROVAL_CHANGE_REQUESTED,
        HISTORY.APPROVAL_CHANGE_DECIDED,
    ]
    assert decided.history[1].actor == decided.decider != ""
    requested, resolved = await heard(
        mesh.caller, asked.name, "approval_requested", "approval_resolved"
    )
    assert requested.risk == states.RISK_MEDIUM
    assert resolved.action_digest == requested.action_digest == asked.action_digest


async def test_a_request_may_be_repeated(mesh: MeshInProcess) -> None:
    first = await request(mesh.caller, tool("push", to="main"), request_id="r1")
    again = await request(mesh.caller, tool("push", to="main"), request_id="r1")
    assert again.name == first.name
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await request(mesh.caller, tool("push", to="other"), request_id="r1")
    assert reason_of(refused.value) == "REQUEST_ID_REUSED"
    assert len(await listed(mesh.caller)) == 1


async def test_parallel_requests_for_the_same_have_ids_and_answers_of_their_own(
    mesh: MeshInProcess,
) -> None:
    task = await mesh.caller.submit("- [ ] wait\n  run: sleep 100\n")
    one, two = await asyncio.gather(
        request(mesh.caller, tool(path="a"), task=task.name),
        request(mesh.caller, tool(path="a"), task=task.name),
    )
    assert one.name != two.name
    assert one.action_digest == two.action_digest, "the very same action"
    await answer(mesh.caller, one.name, DENY)
    assert (await get(mesh.caller, two.name)).state == states.APPROVAL_STATE_PENDING


@on_both_stores
async def test_the_end_of_a_task_dismisses_what_was_asked_for_it(mesh: MeshInProcess) -> None:
    task = await mesh.caller.submit("- [ ] wait\n  run: sleep 1\n")
    asked = await request(mesh.caller, task=task.name)
    await mesh.caller.finished(task.name)
    *_, resolved = await heard(mesh.caller, asked.name, "approval_resolved")
    assert resolved.state == states.APPROVAL_STATE_DISMISSED
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await answer(mesh.caller, asked.name)
    assert reason_of(late.value) == "APPROVAL_DECIDED"
    with pytest.raises(grpc.aio.AioRpcError) as over:
        await request(mesh.caller, task=task.name)
    assert reason_of(over.value) == "ILLEGAL_TRANSITION"


@on_both_stores
async def test_a_request_of_a_run_belongs_to_its_task_and_ends_with_the_run(
    mesh: MeshInProcess, tmp_path: Path
) -> None:
    stop = tmp_path / "stop"
    plan = f"- [ ] wait\n  run: while [ ! -e {stop} ]; do sleep 0.05; done\n"
    task = await mesh.caller.submit(plan + "- [ ] long\n  run: sleep 100\n")
    run = await _started(mesh.caller, task.name)
    asked = await request(mesh.caller, run=run)
    assert asked.task == task.name
    stop.touch()
    *_, resolved = await heard(mesh.caller, asked.name, "approval_resolved")
    assert resolved.state == states.APPROVAL_STATE_DISMISSED
    with pytest.raises(grpc.aio.AioRpcError) as unknown:
        await request(mesh.caller, run=f"{PROJECT}/runs/none")
    assert unknown.value.code() == grpc.StatusCode.NOT_FOUND


async def test_a_request_that_comes_behind_the_end_of_its_run_is_dismissed(
    mesh: MeshInProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, told = tmp_path / "stop", asyncio.Event()
    plan = f"- [ ] wait\n  run: while [ ! -e {stop} ]; do sleep 0.05; done\n"
    task = await mesh.caller.submit(plan + "- [ ] long\n  run: sleep 100\n")
    run = await _started(mesh.caller, task.name)
    ask, of_run = Asker.ask, Dismissal.of_run

    async def ask_late(self: Asker, *question: Any) -> ApprovalRecord:
        """Let the run end, and be heard of, between the look at it and the question."""
        stop.touch()
        async with asyncio.timeout(20):
            await told.wait()
        return await ask(self, *question)

    async def hear(self: Dismissal, name: str) -> None:
        await of_run(self, name)
        told.set()

    monkeypatch.setattr(Asker, "ask", ask_late)
    monkeypatch.setattr(Dismissal, "of_run", hear)
    asked = await request(mesh.caller, run=run)
    assert asked.state == states.APPROVAL_STATE_DISMISSED


async def test_low_risk_is_approved_at_once_where_the_project_says_so(mesh: MeshInProcess) -> None:
    waits = await request(mesh.caller, tool("read_file", path="a"), risk=states.RISK_LOW)
    assert waits.state == states.APPROVAL_STATE_PENDING
    assert not waits.HasField("expire_time"), "low risk never expires"
    await settle(mesh.caller, auto_approve_low_risk=True)
    given = await request(mesh.caller, tool("read_file", path="a"), risk=states.RISK_LOW)
    assert given.state == states.APPROVAL_STATE_APPROVED
    assert given.decided_by == states.APPROVAL_DECIDER_POLICY
    claimed = await request(mesh.caller, tool("delete_file", path="a"), risk=states.RISK_LOW)
    assert claimed.state == states.APPROVAL_STATE_PENDING
    assert claimed.risk == states.RISK_HIGH, "a claim makes nothing less than the table says"


async def test_an_agent_may_ask_and_not_answer(mesh: MeshInProcess) -> None:
    hierarchy = Hierarchy(mesh.caller.channel)
    _, token = await hierarchy.key(PROJECT, "AGENT")
    agent = Caller(mesh.port_base, mesh.data_dir, lambda: token)
    try:
        asked = await request(agent)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await answer(agent, asked.name)
        assert reason_of(refused.value) == "PERMISSION_DENIED"
        assert asked.requester.startswith("clients/acme/projects/web/apiKeys/")
    finally:
        await agent.close()


async def test_a_list_keeps_what_the_filter_says(mesh: MeshInProcess) -> None:
    low = await request(mesh.caller, tool("read_file"))
    high = await request(mesh.caller, tool("deploy"))
    await answer(mesh.caller, high.name, DENY)
    assert [one.name for one in await listed(mesh.caller, 'risk = "LOW"')] == [low.name]
    assert [one.name for one in await listed(mesh.caller, 'state = "DENIED"')] == [high.name]
    assert len(await listed(mesh.caller, 'kind = "TOOL"')) == 2
    assert await listed(mesh.caller, 'kind = "COMMIT"') == []


async def test_the_edit_of_a_tool_is_what_may_be_done(mesh: MeshInProcess) -> None:
    asked = await request(mesh.caller, tool("run_query", table="users", limit="1000000"))
    edit = pb.ToolEdit(arguments=tool(table="users", limit="10").arguments)
    with pytest.raises(grpc.aio.AioRpcError) as denied:
        await answer(mesh.caller, asked.name, DENY, edited_tool=edit)
    assert reason_of(denied.value) == "INVALID_EDIT"
    with pytest.raises(grpc.aio.AioRpcError) as other:
        await answer(mesh.caller, asked.name, edited_commit=pb.CommitEdit(message="no"))
    assert reason_of(other.value) == "INVALID_EDIT"
    assert "edited_commit" in fields_of(other.value)
    decided = await answer(
        mesh.caller, asked.name, edited_tool=edit, action_digest=asked.action_digest
    )
    assert decided.tool.arguments[1].value == "10"
    assert decided.action_digest != asked.action_digest
    (edited,) = [e for e in decided.history if e.change == HISTORY.APPROVAL_CHANGE_EDITED]
    assert edited.action.tool == asked.tool
    assert edited.action_digest == asked.action_digest
    again = await answer(
        mesh.caller, asked.name, edited_tool=edit, action_digest=asked.action_digest
    )
    assert again.etag == decided.etag, "the same answer changes nothing"
    with pytest.raises(grpc.aio.AioRpcError) as second:
        await answer(mesh.caller, asked.name)
    assert reason_of(second.value) == "APPROVAL_DECIDED", "without the edit it is another answer"


@on_both_stores
async def test_one_of_many_answers_at_once_wins(mesh: MeshInProcess) -> None:
    asked = await request(mesh.caller)
    answers = [answer(mesh.caller, asked.name, DENY if n % 2 else APPROVE) for n in range(8)]
    came = await asyncio.gather(*answers, return_exceptions=True)
    final = (await get(mesh.caller, asked.name)).state
    for one in came:
        if isinstance(one, grpc.aio.AioRpcError):
            assert reason_of(one) == "APPROVAL_DECIDED"
        else:
            assert not isinstance(one, BaseException)
            assert one.state == final
    assert sum(isinstance(one, grpc.aio.AioRpcError) for one in came) == 4


async def test_a_batch_answers_each_by_itself(mesh: MeshInProcess) -> None:
    first, second, third = [await request(mesh.caller) for _ in range(3)]
    await answer(mesh.caller, second.name, DENY)
    decide = pb.DecideApprovalRequest
    batch = pb.BatchDecideApprovalsRequest(
        parent=PROJECT,
        requests=[
            decide(name=first.name, decision=APPROVE),
            decide(name=second.name, decision=APPROVE),
            decide(name=f"{PROJECT}/approvals/none", decision=APPROVE),
            decide(name=third.name, decision=CHOOSE, choice_id="commit"),
            decide(name=third.name, decision=APPROVE, action_digest="0" * 64),
            decide(name=third.name, decision=DENY, reason="no"),
        ],
    )
    for _ in range(2):
        results = (await mesh.caller.approvals.BatchDecideApprovals(batch)).results
        assert [r.WhichOneof("outcome") for r in results] == [
            "approval",
            *["error"] * 4,
            "approval",
        ]
        assert results[0].approval.state == states.APPROVAL_STATE_APPROVED
        assert results[5].approval.state == states.APPROVAL_STATE_DENIED
    reasons = [r.error.reason for r in results[1:5]]
    assert reasons == [13, 9, 67, 14], "decided, not found, no such choice, action changed"


async def test_a_batch_reaches_no_other_project(mesh: MeshInProcess) -> None:
    foreign = "clients/default/projects/default/approvals/x"
    batch = pb.BatchDecideApprovalsRequest(
        parent=PROJECT, requests=[pb.DecideApprovalRequest(name=foreign, decision=APPROVE)]
    )
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await mesh.caller.approvals.BatchDecideApprovals(batch)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert fields_of(refused.value) == ["requests.name"]


async def test_statistics_count_what_people_said(mesh: MeshInProcess) -> None:
    await settle(mesh.caller, auto_approve_low_risk=True)
    for decision in (APPROVE, APPROVE, DENY):
        await answer(mesh.caller, (await request(mesh.caller)).name, decision)
    await request(mesh.caller)
    await request(mesh.caller, tool("read_file"))
    asked = pb.GetApprovalStatisticsRequest(parent=PROJECT)
    found = (await mesh.caller.approvals.GetApprovalStatistics(asked)).statistics
    counts = {(o.state, o.decided_by): o.count for o in found.outcomes}
    person, policy = states.APPROVAL_DECIDER_PERSON, states.APPROVAL_DECIDER_POLICY
    assert counts == {
        (states.APPROVAL_STATE_APPROVED, person): 2,
        (states.APPROVAL_STATE_APPROVED, policy): 1,
        (states.APPROVAL_STATE_DENIED, person): 1,
        (states.APPROVAL_STATE_PENDING, states.APPROVAL_DECIDER_UNSPECIFIED): 1,
    }
    assert found.approval_rate == pytest.approx(2 / 3)
    assert found.expiry_rate == 0
    assert found.p95_response_duration.ToTimedelta() >= found.median_response_duration.ToTimedelta()
    assert not found.truncated


async def _started(caller: Caller, task: str) -> str:
    """Wait until the runner has the run of a task's first step; return its name."""
    # The step names it before the runner hears of it.
    async with asyncio.timeout(20):
        while True:
            step = (await caller.task(task)).steps[:1]
            if step and step[0].run:
                runs = await caller.runs.ListRuns(run_service_pb2.ListRunsRequest(parent=PROJECT))
                if step[0].run in {run.name for run in runs.runs}:
                    return str(step[0].run)
            await asyncio.sleep(0.02)
