"""Plans that a person looks at before they run, through the real services."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    approval_service_pb2,
    project_pb2,
    project_service_pb2,
    task_pb2,
    task_service_pb2,
)
from tests.support.mesh import PROJECT, Caller, git, mesh_in_process

THREE = "- [ ] a\n  run: true\n- [ ] b\n  after: a\n  run: true\n- [ ] c\n  after: b\n  run: true\n"
TWO = "- [ ] a\n  run: true\n- [ ] b\n  run: true\n"


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    async with mesh_in_process(tmp_path / "data") as mesh:
        await ask_above(mesh.caller, 5)
        yield mesh.caller


async def ask_above(caller: Caller, complexity: int) -> None:
    settings = project_pb2.Project(name=PROJECT, settings={"plan_approval_complexity": complexity})
    update = project_service_pb2.UpdateProjectRequest(name=PROJECT, project=settings)
    changed = (await caller.projects.UpdateProject(update)).project
    assert changed.settings.plan_approval_complexity == complexity


async def test_a_complex_plan_waits_before_its_first_step(caller: Caller) -> None:
    task = await caller.submit(THREE)
    approval = await caller.pending_approval(task.name)
    waiting = await caller.until(task.name, states.TASK_STATE_WAITING_FOR_USER)
    assert waiting.complexity == 9
    assert [step.state for step in waiting.steps] == [states.STEP_STATE_PENDING] * 3
    assert "3 steps, complexity 9" in approval.title
    assert [(s.number, s.title, list(s.after)) for s in approval.plan.steps] == [
        (1, "a", []),
        (2, "b", [1]),
        (3, "c", [2]),
    ]
    assert approval.plan.complexity == approval_states.COMPLEXITY_LOW
    await caller.decide(approval, "APPROVE")
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure


async def test_a_plan_that_was_denied_runs_nothing_and_asks_again_when_retried(
    caller: Caller,
) -> None:
    task = await caller.submit(THREE)
    await caller.decide(await caller.pending_approval(task.name), "DENY", "too much at once")
    denied = await caller.finished(task.name)
    assert denied.state == states.TASK_STATE_FAILED
    assert denied.failure.reason == reasons.ERROR_REASON_APPROVAL_DENIED
    assert "too much at once" in denied.failure.message
    assert [step.attempt for step in denied.steps] == [0, 0, 0]
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def test_what_is_simple_enough_is_not_asked(caller: Caller) -> None:
    done = await caller.finished((await caller.submit(TWO)).name)
    assert (done.state, done.complexity) == (states.TASK_STATE_COMPLETED, 2)
    await ask_above(caller, 0)
    task = await caller.submit(TWO)
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def test_what_is_approved_in_advance_is_not_asked(caller: Caller) -> None:
    task = await caller.submit(THREE, approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    story = await caller.story(task.name)
    (resolved,) = (e.approval_resolved for e in story if e.HasField("approval_resolved"))
    assert resolved.decided_by == approval_states.APPROVAL_DECIDER_POLICY
    assert (await caller.task(task.name)).state == states.TASK_STATE_COMPLETED


async def test_a_plan_and_its_commit_are_two_questions(
    caller: Caller, repo: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    plan = THREE.replace("run: true", f"run: test -e {ready} && echo x > made", 1)
    task = await caller.submit(plan, repo)
    first = await caller.pending_approval(task.name)
    await caller.decide(first, "APPROVE")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_FAILED
    ready.touch()
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    second = await caller.pending_approval(task.name)
    assert second.HasField("commit"), "the plan was approved already"
    assert second.name != first.name
    await caller.decide(second, "APPROVE")
    done = await caller.finished(task.name)
    assert git(repo, "show", f"{done.commit.sha}:made") == "x"


async def test_a_task_that_waits_with_its_plan_can_be_cancelled_and_retried(
    caller: Caller,
) -> None:
    task = await caller.submit(THREE)
    first = await caller.pending_approval(task.name)
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_USER)
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    assert (await caller.finished(task.name)).state == states.TASK_STATE_CANCELLED
    with pytest.raises(grpc.aio.AioRpcError):
        await caller.decide(first, "APPROVE")
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    second = await caller.pending_approval(task.name)
    assert second.name != first.name
    await caller.decide(second, "APPROVE")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def test_what_the_answer_leaves_out_is_not_run(caller: Caller) -> None:
    task = await caller.submit(THREE)
    approval = await caller.pending_approval(task.name)
    answer = approval_service_pb2.DecideApprovalRequest(
        name=approval.name,
        decision="DECISION_APPROVE",
        action_digest=approval.action_digest,
        edited_plan={"omitted_steps": [3]},
    )
    await caller.approvals.DecideApproval(answer)
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    assert [step.title for step in done.steps] == ["a", "b"]
    assert not done.partial_success
