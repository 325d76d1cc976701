"""Plans as task graphs, through the real services: width, results, back-off, partial success."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import result_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import project_pb2, project_service_pb2, task_pb2, task_service_pb2
from tests.support.mesh import PROJECT, Caller, git, mesh_in_process
from tests.support.stores import on_both_stores

KEEP = task_pb2.FAILURE_POLICY_KEEP
APPROVE = task_pb2.APPROVAL_POLICY_APPROVE
SUCCEEDED, FAILED = states.STEP_STATE_SUCCEEDED, states.STEP_STATE_FAILED
SKIPPED = states.STEP_STATE_SKIPPED
RESULTS = """- [ ] build
  run: cd "$ADJUTANT_RESULTS"; echo 1.2 > version; echo 42 > size; echo whole > report
  gives: version text, size integer, report file
- [ ] ship
  run: test "$(cat "$ADJUTANT_INPUTS/version")" = 1.2 && cp "$ADJUTANT_INPUTS/report" shipped
  takes: version from build, report from build
"""


@pytest.fixture
async def caller(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[Caller]:
    async with mesh_in_process(tmp_path / "data", retry_initial_s=0.2, **mesh_store) as mesh:
        yield mesh.caller


def most_at_once(task: task_pb2.Task) -> int:
    """Return how many steps of a task were under way at the same time at most."""
    marks = [(step.start_time.ToNanoseconds(), 1) for step in task.steps]
    marks += [(step.end_time.ToNanoseconds(), -1) for step in task.steps]
    running = most = 0
    for _, change in sorted(marks):
        running += change
        most = max(most, running)
    return most


async def test_no_more_runs_of_a_task_are_under_way_than_it_may_have(caller: Caller) -> None:
    plan = "".join(f"- [ ] s{n}\n  run: sleep 0.1\n" for n in range(7))
    done = await caller.finished((await caller.submit(plan, max_parallel_steps=2)).name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert done.max_parallel_steps == 2
    assert most_at_once(done) == 2


async def test_the_width_is_inherited_from_the_project(caller: Caller) -> None:
    settings = project_pb2.Project(name=PROJECT, settings={"max_parallel_steps": 1})
    update = project_service_pb2.UpdateProjectRequest(name=PROJECT, project=settings)
    await caller.projects.UpdateProject(update)
    effective = await caller.projects.GetEffectiveProject(
        project_service_pb2.GetEffectiveProjectRequest(name=PROJECT)
    )
    assert effective.effective_project.max_parallel_steps == 1
    assert effective.effective_project.max_parallel_steps_source == PROJECT
    plan = "".join(f"- [ ] s{n}\n  run: sleep 0.05\n" for n in range(3))
    done = await caller.finished((await caller.submit(plan)).name)
    assert (done.max_parallel_steps, most_at_once(done)) == (1, 1)


async def test_results_are_handed_on_by_reference(caller: Caller, repo: Path) -> None:
    task = await caller.submit(RESULTS, repo, approval_policy=APPROVE)
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    build, ship = done.steps
    assert list(ship.after) == [1]
    assert [(one.name, one.step) for one in ship.takes] == [("version", 1), ("report", 1)]
    assert [result.name for result in build.results] == ["version", "size", "report"]
    assert build.results[1].type == result_pb2.RESULT_TYPE_INTEGER
    assert git(repo, "show", f"{done.commit.sha}:shipped") == "whole"
    given = {result.name: result.sha256 for result in build.results}
    (first, _) = (await caller.run(ship.run)).spec.inputs
    assert (first.name, first.run, first.sha256) == ("version", build.run, given["version"])
    request = run_service_pb2.ReadArtifactRequest(name=build.run, artifact_id="result.size")
    assert [piece.data async for piece in caller.runs.ReadArtifact(request)] == [b"42\n"]


async def test_the_orchestrator_never_holds_a_value(tmp_path: Path) -> None:
    plan = (
        "- [ ] give\n  run: echo aVa''lue > $ADJUTANT_RESULTS/v\n  gives: v text\n"
        "- [ ] take\n  run: grep aValue $ADJUTANT_INPUTS/v > out\n  takes: v from give\n"
    )
    async with mesh_in_process(tmp_path / "data") as mesh:
        done = await mesh.caller.finished((await mesh.caller.submit(plan)).name)
        assert done.state == states.TASK_STATE_COMPLETED, done.failure
    files = [path for path in (tmp_path / "data/orchestrator").rglob("*") if path.is_file()]
    held = [path.name for path in files if b"aValue\n" in path.read_bytes()]
    assert not held, "the plan alone holds `grep aValue $…`, without the line's end"
    assert any(b"grep aValue" in path.read_bytes() for path in files)


async def test_a_step_that_gives_too_little_fails_and_says_what(caller: Caller) -> None:
    plan = RESULTS.replace("echo 42 > size", "echo many > size")
    done = await caller.finished((await caller.submit(plan)).name)
    assert done.state == states.TASK_STATE_FAILED
    assert [step.state for step in done.steps] == [FAILED, SKIPPED]
    assert done.steps[0].failure.reason == reasons.ERROR_REASON_RESULT_INVALID
    assert "'size'" in done.failure.message
    assert "step 1 'build', which failed" in done.steps[1].failure.message


async def test_taking_what_nobody_gives_is_refused_with_its_line(caller: Caller) -> None:
    plan = RESULTS.replace("report from build", "log from build")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.submit(plan)
    assert "line 6: step 'build' gives no 'log'" in (refused.value.details() or "")


async def test_what_succeeded_is_kept_where_that_is_asked(caller: Caller, repo: Path) -> None:
    plan = (
        "- [ ] good\n  run: echo a > a\n"
        "- [ ] bad\n  run: echo b > b; exit 3\n"
        "- [ ] needs bad\n  after: bad\n  run: echo c > c\n"
        "- [ ] needs good\n  after: good\n  run: cp a d\n"
    )
    task = await caller.submit(plan, repo, failure_policy=KEEP)
    approval = await caller.pending_approval(task.name)
    assert "2 steps succeeded, 1 failed, 1 was skipped" in approval.title
    assert list(approval.commit.changed_files) == ["a", "d"]
    await caller.decide(approval, "APPROVE")
    story = await caller.story(task.name)
    done = await caller.task(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert done.partial_success
    assert [step.state for step in done.steps] == [SUCCEEDED, FAILED, SKIPPED, SUCCEEDED]
    assert "2 steps succeeded, 1 failed, 1 was skipped" in done.progress.message
    assert story[-1].task_state_changed.partial_success
    assert git(repo, "show", "--name-only", "--format=", done.commit.sha) == "a\nd"

    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION


async def test_nothing_is_committed_where_it_is_not_asked(caller: Caller, repo: Path) -> None:
    plan = "- [ ] good\n  run: sleep 0.3; echo a > a\n- [ ] bad\n  run: exit 3\n"
    task = await caller.submit(plan, repo, approval_policy=APPROVE)
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_FAILED
    assert done.failure_policy == task_pb2.FAILURE_POLICY_FAIL
    assert [step.state for step in done.steps] == [SUCCEEDED, FAILED], "branches run to their end"
    assert "1 step succeeded, 1 failed, 0 were skipped" in done.failure.message
    assert git(repo, "branch", "--list", "adjutant/*") == ""


async def test_where_nothing_succeeded_nothing_is_kept(caller: Caller) -> None:
    done = await caller.finished(
        (await caller.submit("- [ ] bad\n  run: exit 3\n", failure_policy=KEEP)).name
    )
    assert done.state == states.TASK_STATE_FAILED
    assert not done.partial_success


@on_both_stores
async def test_a_temporary_failure_is_tried_again_later_and_later(
    caller: Caller, tmp_path: Path
) -> None:
    tries = tmp_path / "tries"
    plan = f"- [ ] flaky\n  run: echo x >> {tries}; test $(wc -l < {tries}) -ge 3 || exit 75\n"
    task = await caller.submit(plan)
    story = await caller.story(task.name)
    done = await caller.task(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert (done.steps[0].attempt, tries.read_text()) == (3, "x\nx\nx\n")
    assert done.steps[0].run.endswith("-1-3"), "each attempt has a run of its own"
    assert not done.HasField("retry_time")
    waits = [
        event
        for event in story
        if event.HasField("step_state_changed")
        and event.step_state_changed.step.HasField("retry_time")
    ]
    assert len(waits) == 2
    delays = []
    for wait in waits:
        step = wait.step_state_changed.step
        assert step.state == states.STEP_STATE_PENDING
        assert step.failure.reason == reasons.ERROR_REASON_TEMPORARY_FAILURE
        delays.append(step.retry_time.ToNanoseconds() - wait.time.ToNanoseconds())
    assert 0 < delays[0] <= 0.2e9
    assert 0 < delays[1] <= 0.4e9


async def test_any_failure_is_tried_again_where_the_plan_says(caller: Caller) -> None:
    plan = "- [ ] a\n  run: exit 3\n  retry: 2\n- [ ] b\n  run: exit 3\n"
    done = await caller.finished((await caller.submit(plan)).name)
    assert [step.attempt for step in done.steps] == [3, 1]
    assert [step.state for step in done.steps] == [FAILED, FAILED]


async def test_a_task_that_waits_for_a_back_off_holds_no_slot_and_can_be_cancelled(
    tmp_path: Path,
) -> None:
    settings = {"retry_initial_s": 600.0, "retry_max_s": 600, "max_concurrent_orchestrations": 1}
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:
        caller = mesh.caller
        flaky = await caller.submit("- [ ] flaky\n  run: exit 75\n")
        async with asyncio.timeout(20):
            while "1 to be tried again" not in (await caller.task(flaky.name)).progress.message:
                await asyncio.sleep(0.02)
        waiting = await caller.until(flaky.name, states.TASK_STATE_WAITING_FOR_AGENT)
        assert waiting.HasField("retry_time")
        assert waiting.steps[0].retry_time == waiting.retry_time
        other = await caller.finished((await caller.submit("- [ ] a\n  run: true\n")).name)
        assert other.state == states.TASK_STATE_COMPLETED, "the only slot is free"

        await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=flaky.name))
        ended = await caller.finished(flaky.name)
        assert ended.state == states.TASK_STATE_CANCELLED
        assert not ended.HasField("retry_time")
        assert ended.steps[0].state == states.STEP_STATE_CANCELLED


async def test_a_back_off_survives_a_restart(tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    plan = f"- [ ] flaky\n  run: echo x >> {tries}; test $(wc -l < {tries}) -ge 2 || exit 75\n"
    data = tmp_path / "data"
    async with mesh_in_process(data, retry_initial_s=4.0) as mesh:
        task = await mesh.caller.submit(plan)
        async with asyncio.timeout(20):
            while not (waiting := await mesh.caller.task(task.name)).HasField("retry_time"):
                await asyncio.sleep(0.02)
    async with mesh_in_process(data, retry_initial_s=4.0) as mesh:
        done = await mesh.caller.finished(task.name)
        assert done.state == states.TASK_STATE_COMPLETED
        assert done.steps[0].attempt == 2
        assert done.steps[0].start_time.ToNanoseconds() >= waiting.retry_time.ToNanoseconds()


async def test_a_retried_task_takes_the_results_that_it_has(caller: Caller, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    plan = (
        "- [ ] build\n  run: date +%s%N > $ADJUTANT_RESULTS/stamp\n  gives: stamp integer\n"
        f"- [ ] use\n  run: test -e {ready} && cp $ADJUTANT_INPUTS/stamp $ADJUTANT_RESULTS/copy\n"
        "  takes: stamp from build\n  gives: copy integer\n  retry: 1\n"
        "- [ ] last\n  run: cat $ADJUTANT_INPUTS/copy\n  takes: copy from use\n"
    )
    task = await caller.submit(plan, failure_policy=KEEP)
    kept = await caller.finished(task.name)
    assert kept.partial_success, "a step succeeded"
    task = await caller.submit(plan)
    failed = await caller.finished(task.name)
    assert failed.state == states.TASK_STATE_FAILED
    assert [step.attempt for step in failed.steps] == [1, 2, 0]
    ready.touch()
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    build, use, last = done.steps
    assert [step.attempt for step in done.steps] == [1, 3, 1]
    assert build.run == failed.steps[0].run, "what succeeded is kept"
    assert use.results[0].sha256 == build.results[0].sha256
    assert (await caller.run(last.run)).spec.inputs[0].run == use.run


async def test_a_partial_success_that_was_denied_can_be_tried_again(
    caller: Caller, repo: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    plan = f"- [ ] good\n  run: echo a > a\n- [ ] bad\n  run: test -e {ready} && echo b > b\n"
    task = await caller.submit(plan, repo, failure_policy=KEEP)
    await caller.decide(await caller.pending_approval(task.name), "DENY", "all or nothing")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_FAILED
    ready.touch()
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert not done.partial_success
    assert [step.attempt for step in done.steps] == [1, 2]
    assert git(repo, "show", "--name-only", "--format=", done.commit.sha) == "a\nb"
