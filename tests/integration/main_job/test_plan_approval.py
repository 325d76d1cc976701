"""Plans that a person looks at before they run, through the real services."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    approval_pb2,
    approval_service_pb2,
    project_pb2,
    project_service_pb2,
    task_pb2,
    task_service_pb2,
)
from tests.support.gate import hold_passes
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
    assert [(step.number, step.title) for step in done.steps] == [(1, "a"), (2, "b"), (3, "c")]
    assert (done.steps[2].state, done.steps[2].attempt) == (states.STEP_STATE_SKIPPED, 0)
    assert done.steps[2].omitted
    assert not done.partial_success
    story = await caller.story(task.name)
    changed = [e.step_state_changed.step for e in story if e.HasField("step_state_changed")]
    assert [step.number for step in changed if step.omitted] == [3]


async def answer_without(caller: Caller, approval: approval_pb2.Approval, *omitted: int) -> None:
    answer = approval_service_pb2.DecideApprovalRequest(
        name=approval.name,
        decision="DECISION_APPROVE",
        action_digest=approval.action_digest,
        edited_plan={"omitted_steps": omitted},
    )
    await caller.approvals.DecideApproval(answer)


async def test_a_message_may_name_a_step_that_the_answer_left_out(
    caller: Caller, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    until = f"run: until test -e {ready}; do sleep 0.05; done"
    task = await caller.submit(f"{THREE.replace('run: true', until, 1)}  gives: x text\n")
    await answer_without(caller, await caller.pending_approval(task.name), 3)
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    more = "- [ ] d\n  after: c\n  run: true\n- [ ] e\n  after: a\n  takes: x from c\n  run: true\n"
    assert list((await caller.tell(task.name, more)).steps_added) == [4, 5]
    ready.touch()
    asked = await caller.pending_approval(task.name)
    assert [step.number for step in asked.plan.steps] == [2, 4], "5 takes what is not made"
    await caller.decide(asked, "APPROVE")
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    ran = [step.number for step in done.steps if step.state == states.STEP_STATE_SUCCEEDED]
    assert ran == [1, 2, 4]
    assert done.steps[4].state == states.STEP_STATE_SKIPPED
    assert "step 3 'c', which is not run" in done.steps[4].failure.message
    assert (await caller.told(task.name))[0].steps_added == [4, 5]


async def test_the_question_holds_what_would_be_run(caller: Caller) -> None:
    task = await caller.submit(THREE.replace("run: true", "run: echo hi\n  verify: test 1", 1))
    approval = await caller.pending_approval(task.name)
    first = approval.plan.steps[0]
    assert (first.agent, first.command_line, first.verify_command) == (
        "command",
        "echo hi",
        "test 1",
    )


async def test_a_message_before_the_first_pass_does_not_get_around_the_question(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = hold_passes(monkeypatch)
    task = await caller.submit("# All\n" + "- [ ] one\n  run: true\n" * 100)
    await caller.tell(task.name, "- [ ] more\n  run: true\n")
    gate.opened.set()
    approval = await caller.pending_approval(task.name)
    assert [step.number for step in approval.plan.steps] == list(range(1, 102))
    waiting = await caller.until(task.name, states.TASK_STATE_WAITING_FOR_USER)
    assert waiting.complexity > 100
    assert waiting.HasField("estimate")
    assert not any(step.attempt for step in waiting.steps)
    await caller.decide(approval, "DENY")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_FAILED


async def test_a_plan_that_grew_is_asked_about_again_while_its_runs_go_on(
    caller: Caller, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    plan = f"- [ ] a\n  run: true\n- [ ] b\n  run: until test -e {ready}; do sleep 0.05; done\n"
    task = await caller.submit(f"{plan}- [ ] c\n  after: b\n  run: true\n")
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    await caller.tell(
        task.name, "- [ ] d\n  after: a\n  run: true\n- [ ] e\n  after: a\n  run: true\n"
    )
    asked = await caller.pending_approval(task.name)
    assert [step.number for step in asked.plan.steps] == [3, 4, 5], "b is under way, a is done"
    assert "3 further steps" in asked.title
    ready.touch()
    async with asyncio.timeout(20):
        while (now := await caller.task(task.name)).steps[1].state != states.STEP_STATE_SUCCEEDED:
            await asyncio.sleep(0.02)
    assert [step.attempt for step in now.steps] == [1, 1, 0, 0, 0], "c waits for the answer too"
    await answer_without(caller, asked, 5)
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    assert [step.attempt for step in done.steps] == [1, 1, 1, 1, 0]
    assert [step.omitted for step in done.steps] == [False] * 4 + [True]


async def test_a_no_to_what_was_added_ends_the_task_when_its_runs_have(
    caller: Caller, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    plan = f"- [ ] a\n  run: true\n- [ ] b\n  run: until test -e {ready}; do sleep 0.05; done\n"
    task = await caller.submit(f"{plan}- [ ] c\n  after: b\n  run: true\n")
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    await caller.tell(task.name, "- [ ] d\n  after: a\n  run: true\n")
    await caller.decide(await caller.pending_approval(task.name), "DENY", "not that")
    waiting = await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    assert waiting.steps[1].state == states.STEP_STATE_RUNNING
    ready.touch()
    done = await caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_DENIED
    assert done.steps[1].state == states.STEP_STATE_SUCCEEDED
    assert [step.attempt for step in done.steps] == [1, 1, 0, 0]
