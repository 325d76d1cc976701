"""What nobody answers in time expires, which is neither yes nor no."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf import duration_pb2

from adjutant.common.v1 import approval_pb2 as states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import approval_pb2, task_service_pb2
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from tests.support.approvals import answer, get, heard, listed, request, settle, tool
from tests.support.errors import reason_of
from tests.support.mesh import PROJECT, MeshInProcess
from tests.support.stores import on_both_stores

PLAN = "# Change\n- [ ] write\n  run: echo a > a.txt\n"
CHANGE = states.ApprovalChange


@on_both_stores
async def test_people_are_warned_before_a_request_expires(hasty: MeshInProcess) -> None:
    asked = await request(hasty.caller)
    requested, expiring, resolved = await heard(hasty.caller, asked.name, "approval_resolved")
    assert expiring.expire_time == requested.expire_time == asked.expire_time
    assert resolved.state == states.APPROVAL_STATE_EXPIRED
    assert resolved.decided_by == states.APPROVAL_DECIDER_UNSPECIFIED
    expired = await get(hasty.caller, asked.name)
    assert expired.decide_time.ToDatetime() >= asked.expire_time.ToDatetime()
    assert [entry.change for entry in expired.history] == [
        CHANGE.APPROVAL_CHANGE_REQUESTED,
        CHANGE.APPROVAL_CHANGE_WARNED,
        CHANGE.APPROVAL_CHANGE_EXPIRED,
    ]
    warned = expired.history[1].time.ToDatetime()
    assert warned < asked.expire_time.ToDatetime()
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await answer(hasty.caller, asked.name)
    assert reason_of(late.value) == "APPROVAL_EXPIRED"


async def test_where_all_the_time_is_shorter_than_the_warning_people_are_warned_at_once(
    mesh: MeshInProcess,
) -> None:
    await settle(mesh.caller, approval_timeout_high=duration_pb2.Duration(seconds=30))
    asked = await request(mesh.caller, tool("deploy"))
    assert asked.expire_time.seconds - asked.create_time.seconds in (29, 30, 31)
    await heard(mesh.caller, asked.name, "approval_expiring", timeout_s=20)
    assert (await get(mesh.caller, asked.name)).state == states.APPROVAL_STATE_PENDING


async def test_an_answer_in_time_is_the_end_of_it(hasty: MeshInProcess) -> None:
    asked = await request(hasty.caller)
    await answer(hasty.caller, asked.name)
    other = await request(hasty.caller)  # it expires after the first would have
    await heard(hasty.caller, other.name, "approval_resolved")
    assert (await get(hasty.caller, asked.name)).state == states.APPROVAL_STATE_APPROVED


async def test_a_task_asks_three_times_and_then_fails_without_having_been_denied(
    hasty: MeshInProcess, repo: Path
) -> None:
    task = await hasty.caller.submit(PLAN, repo)
    done = await hasty.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_FAILED
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_EXPIRED
    assert done.failure.disposition == failure_pb2.FAILURE_DISPOSITION_PERSON
    assert "Retry the task" in done.failure.message
    asked = await listed(hasty.caller, f'task = "{task.name}"')
    assert [one.state for one in asked] == [states.APPROVAL_STATE_EXPIRED] * 3
    assert [one.attempt for one in asked] == [1, 2, 3]
    assert [one.previous for one in asked] == ["", asked[0].name, asked[1].name]
    assert len({one.name for one in asked}) == 3
    assert asked[1].history[0].change == CHANGE.APPROVAL_CHANGE_RETRIED

    await hasty.caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    again = await hasty.caller.pending_approval(task.name)
    assert again.attempt == 1, "somebody is there now"
    await answer(hasty.caller, again.name)
    done = await hasty.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED


@on_both_stores
async def test_the_second_time_it_is_asked_can_be_answered(
    hasty: MeshInProcess, repo: Path
) -> None:
    task = await hasty.caller.submit(PLAN, repo)
    first = await hasty.caller.pending_approval(task.name)
    await heard(hasty.caller, first.name, "approval_resolved")
    second = await hasty.caller.pending_approval(task.name)
    assert second.previous == first.name
    await answer(hasty.caller, second.name)
    done = await hasty.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED


async def test_denial_is_not_expiry(hasty: MeshInProcess, repo: Path) -> None:
    task = await hasty.caller.submit(PLAN, repo)
    asked = await hasty.caller.pending_approval(task.name)
    await hasty.caller.decide(asked, "DENY", "not today")
    done = await hasty.caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_DENIED
    assert len(await listed(hasty.caller, f'task = "{task.name}"')) == 1, "no is not asked again"


async def test_statistics_tell_expiry_from_denial(hasty: MeshInProcess) -> None:
    asked = [await request(hasty.caller) for _ in range(2)]
    await answer(hasty.caller, asked[0].name, pb.DecideApprovalRequest.DECISION_DENY)
    await heard(hasty.caller, asked[1].name, "approval_resolved")
    wanted = pb.GetApprovalStatisticsRequest(parent=PROJECT)
    found = (await hasty.caller.approvals.GetApprovalStatistics(wanted)).statistics
    assert (found.approval_rate, found.expiry_rate) == (0, 0.5)


async def test_answers_at_the_last_moment_are_taken_or_refused_and_never_both(
    hasty: MeshInProcess,
) -> None:
    asked = [await request(hasty.caller) for _ in range(8)]

    async def in_the_end(approval: approval_pb2.Approval, early_s: float) -> str:
        left = approval.expire_time.ToDatetime(UTC) - datetime.now(UTC)
        await asyncio.sleep(left.total_seconds() - early_s)
        try:
            await answer(hasty.caller, approval.name)
        except grpc.aio.AioRpcError as error:
            return reason_of(error)
        return "taken"

    came = await asyncio.gather(*(in_the_end(one, 0.02 - n / 200) for n, one in enumerate(asked)))
    for one, outcome in zip(asked, came, strict=True):
        *_, resolved = await heard(hasty.caller, one.name, "approval_resolved")
        is_approved = resolved.state == states.APPROVAL_STATE_APPROVED
        assert (outcome, is_approved) in (("taken", True), ("APPROVAL_EXPIRED", False))
