"""A task from its submission to its end, through the real services."""

import asyncio
import itertools
from pathlib import Path

import grpc
import psutil
import pytest

from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import task_pb2, task_service_pb2
from tests.support.errors import fields_of, reason_of
from tests.support.mesh import PROJECT, Caller, git

CYCLE = "- [ ] a\n  run: x\n  after: b\n- [ ] b\n  run: y\n  after: a\n"
PLAN = """# Two files and their sum
## Write
- [ ] write a
  run: echo a > a.txt
- [ ] write b
  run: echo b > b.txt
## Join
- [ ] join
  run: cat a.txt b.txt > c.txt
  verify: test -s c.txt
"""


async def test_a_plan_ends_in_a_commit_that_a_person_approved(caller: Caller, repo: Path) -> None:
    task = await caller.submit(PLAN, repo)
    assert task.state == states.TASK_STATE_QUEUED

    approval = await caller.pending_approval(task.name)
    assert list(approval.commit.changed_files) == ["a.txt", "b.txt", "c.txt"]
    assert (await caller.task(task.name)).state != states.TASK_STATE_COMPLETED
    await caller.decide(approval, "APPROVE")

    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert [step.state for step in done.steps] == [states.STEP_STATE_SUCCEEDED] * 3
    assert done.commit.branch == f"adjutant/{task.name.rsplit('/')[-1]}"
    assert git(repo, "rev-parse", done.commit.branch) == done.commit.sha
    assert git(repo, "show", f"{done.commit.sha}:c.txt") == "a\nb"
    assert git(repo, "rev-parse", "HEAD") != done.commit.sha, "the person's branch is not moved"
    assert git(repo, "status", "--porcelain") == ""


async def test_steps_under_one_heading_run_side_by_side(caller: Caller) -> None:
    plan = "".join(f"- [ ] {n}\n  run: touch here; sleep 0.5\n" for n in ("one", "two", "three"))
    done = await caller.finished((await caller.submit(plan)).name)
    starts = [step.start_time.ToDatetime() for step in done.steps]
    ends = [step.end_time.ToDatetime() for step in done.steps]
    assert max(starts) < min(ends)
    assert done.state == states.TASK_STATE_COMPLETED


async def test_a_quick_step_does_not_hold_its_follower_back_for_a_slow_neighbour(
    caller: Caller,
) -> None:
    plan = (
        "- [ ] slow\n  run: sleep 3\n"
        "- [ ] quick\n  run: true\n"
        "- [ ] next\n  after: quick\n  run: true\n"
    )
    done = await caller.finished((await caller.submit(plan)).name)
    slow, _, follower = done.steps
    assert follower.end_time.ToDatetime() < slow.end_time.ToDatetime()


async def test_every_event_of_a_task_is_in_its_story_once_and_in_order(
    caller: Caller, repo: Path
) -> None:
    task = await caller.submit(PLAN, repo, approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    live = await caller.story(task.name)
    replayed = await caller.story(task.name)
    assert [event.event_id for event in live] == [event.event_id for event in replayed]
    assert len({event.event_id for event in live}) == len(live)

    changes = [event.task_state_changed for event in live if event.HasField("task_state_changed")]
    assert changes[0].previous_state == states.TASK_STATE_UNSPECIFIED
    for before, after in itertools.pairwise(changes):
        assert after.previous_state == before.state
    assert changes[-1].state == states.TASK_STATE_COMPLETED
    nodes = [e.task_progress.progress.node for e in live if e.HasField("task_progress")]
    assert set(nodes) == set(states.GraphNode.values()) - {states.GRAPH_NODE_UNSPECIFIED}


async def test_a_watch_resumes_at_its_cursor(caller: Caller) -> None:
    task = await caller.submit("- [ ] one\n  run: true\n")
    whole = await caller.story(task.name)
    seen = []
    cursor = ""
    for _ in range(3):
        async for frame in caller.watch(task.name, cursor):
            cursor = frame.cursor
            if frame.HasField("event"):
                seen.append(frame.event.event_id)
                break
    async for frame in caller.watch(task.name, cursor):
        if frame.HasField("event"):
            seen.append(frame.event.event_id)
        cursor = frame.cursor
    assert seen == [event.event_id for event in whole]
    after_the_end = [frame async for frame in caller.watch(task.name, cursor)]
    assert [frame.WhichOneof("frame") for frame in after_the_end] == ["live"]


async def test_a_submission_may_be_repeated(caller: Caller) -> None:
    plan = "- [ ] one\n  run: true\n"
    first = await caller.submit(plan, request_id="r1")
    again = await caller.submit(plan, request_id="r1")
    assert again.name == first.name
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.submit(plan + "- [ ] two\n  run: true\n", request_id="r1")
    assert refused.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(refused.value) == "REQUEST_ID_REUSED"
    listed = await caller.tasks.ListTasks(task_service_pb2.ListTasksRequest(parent=PROJECT))
    assert [task.name for task in listed.tasks] == [first.name]


async def test_a_failing_step_fails_the_task_and_skips_what_needs_it(caller: Caller) -> None:
    plan = (
        "- [ ] bad\n  run: echo oops >&2; exit 3\n"
        "- [ ] good\n  run: true\n"
        "- [ ] needs bad\n  after: bad\n  run: true\n"
    )
    done = await caller.finished((await caller.submit(plan)).name)
    assert done.state == states.TASK_STATE_FAILED
    assert done.failure.reason == reasons.ERROR_REASON_STEP_FAILED
    assert "1 'bad'" in done.failure.message
    assert [step.state for step in done.steps] == [
        states.STEP_STATE_FAILED,
        states.STEP_STATE_SUCCEEDED,
        states.STEP_STATE_SKIPPED,
    ]
    assert done.steps[0].failure.reason == reasons.ERROR_REASON_COMMAND_FAILED


async def test_a_retry_keeps_what_succeeded(caller: Caller, tmp_path: Path) -> None:
    flag, count = tmp_path / "flag", tmp_path / "count"
    plan = (
        f"- [ ] once\n  run: echo x >> {count}\n"
        f"- [ ] flaky\n  after: once\n  run: test -e {flag}\n"
        "- [ ] last\n  after: flaky\n  run: true\n"
    )
    task = await caller.submit(plan)
    assert (await caller.finished(task.name)).state == states.TASK_STATE_FAILED
    flag.touch()
    retry = task_service_pb2.RetryTaskRequest(name=task.name, request_id="again")
    assert (await caller.tasks.RetryTask(retry)).task.attempt == 2
    assert (await caller.tasks.RetryTask(retry)).task.attempt == 2, "a repeat changes nothing"
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert [step.attempt for step in done.steps] == [1, 2, 1]
    assert count.read_text() == "x\n"


async def test_a_denied_commit_fails_the_task_and_leaves_the_repository_alone(
    caller: Caller, repo: Path
) -> None:
    task = await caller.submit(PLAN, repo)
    approval = await caller.pending_approval(task.name)
    await caller.decide(approval, "DENY", "not today")
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_FAILED
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_DENIED
    assert "not today" in done.failure.message
    assert git(repo, "branch", "--list", "adjutant/*") == ""


async def test_the_first_answer_wins(caller: Caller, repo: Path) -> None:
    task = await caller.submit(PLAN, repo)
    approval = await caller.pending_approval(task.name)
    answers = [caller.decide(approval, d) for d in ("APPROVE", "DENY", "APPROVE", "DENY")]
    outcomes = await asyncio.gather(*answers, return_exceptions=True)
    accepted = [o for o in outcomes if not isinstance(o, BaseException)]
    refused = [o for o in outcomes if isinstance(o, grpc.aio.AioRpcError)]
    assert len({answer.state for answer in accepted}) == 1
    assert {reason_of(error) for error in refused} == {"APPROVAL_DECIDED"}

    approval.action_digest = "0" * 64
    with pytest.raises(grpc.aio.AioRpcError) as changed:
        await caller.decide(approval, "APPROVE")
    assert reason_of(changed.value) == "ACTION_CHANGED"


async def test_a_task_submitted_as_approved_asks_nobody_and_says_so(
    caller: Caller, repo: Path
) -> None:
    task = await caller.submit(PLAN, repo, approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    story = await caller.story(task.name)
    resolved = [e.approval_resolved for e in story if e.HasField("approval_resolved")]
    assert [r.decided_by for r in resolved] == [approval_states.APPROVAL_DECIDER_POLICY]


async def test_cancelling_while_a_person_is_asked_dismisses_the_question(
    caller: Caller, repo: Path
) -> None:
    task = await caller.submit(PLAN, repo)
    approval = await caller.pending_approval(task.name)
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    assert (await caller.finished(task.name)).state == states.TASK_STATE_CANCELLED
    with pytest.raises(grpc.aio.AioRpcError) as late:
        await caller.decide(approval, "APPROVE")
    assert reason_of(late.value) == "APPROVAL_DECIDED"


async def test_a_cancelled_task_can_run_again(caller: Caller, repo: Path) -> None:
    task = await caller.submit(PLAN, repo)
    await caller.pending_approval(task.name)
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await caller.until(task.name, states.TASK_STATE_CANCELLED)
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    await caller.decide(await caller.pending_approval(task.name), "APPROVE")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_COMPLETED


async def test_a_run_whose_keeper_was_killed_is_started_again(
    caller: Caller, tmp_path: Path
) -> None:
    count = tmp_path / "count"
    plan = f"- [ ] one\n  run: echo begun >> {count}; sleep 1; echo done >> {count}\n"
    task = await caller.submit(plan)
    async with asyncio.timeout(20):
        while not count.exists():
            await asyncio.sleep(0.02)
    run = await caller.run((await caller.task(task.name)).steps[0].run)
    psutil.Process(psutil.Process(run.process_group).ppid()).kill()

    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert done.steps[0].attempt == 2
    assert count.read_text().split() == ["begun", "begun", "done"], "it ended once"
    assert (await caller.run(run.name)).failure.reason == reasons.ERROR_REASON_RUN_LOST


@pytest.mark.parametrize(
    ("plan", "repo_uri", "reason"),
    [
        ("- [ ] x\n  agent: nobody\n", "", reasons.ERROR_REASON_UNKNOWN_AGENT),
        ("- [ ] x\n  run: no-such-command-here\n", "", reasons.ERROR_REASON_COMMAND_NOT_FOUND),
        ("- [ ] x\n  run: true\n", "/no/such/repo", reasons.ERROR_REASON_REPOSITORY_NOT_FOUND),
        ("- [ ] x\n  run: true\n  verify: false\n", "", reasons.ERROR_REASON_VERIFY_FAILED),
        ("- [ ] x\n  run: sleep 60\n  timeout: 1s\n", "", reasons.ERROR_REASON_RUN_TIMEOUT),
    ],
)
async def test_what_cannot_be_run_says_why(
    caller: Caller, plan: str, repo_uri: str, reason: int
) -> None:
    repository = task_pb2.Repository(uri=repo_uri) if repo_uri else None
    done = await caller.finished((await caller.submit(plan, repository=repository)).name)
    assert done.state == states.TASK_STATE_FAILED
    assert done.steps[0].failure.reason == reason
    assert done.steps[0].failure.message in done.failure.message


@pytest.mark.parametrize(
    ("plan", "reason", "field"),
    [
        ("just words", "PLAN_REQUIRED", "instructions"),
        (CYCLE, "PLAN_CYCLE", "instructions:1"),
        ("- [ ] a\n  rum: x\n", "INVALID_PLAN", "instructions:1"),
    ],
)
async def test_a_plan_that_cannot_be_read_is_refused_with_its_line(
    caller: Caller, plan: str, reason: str, field: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.submit(plan)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert reason_of(refused.value) == reason
    assert field in fields_of(refused.value)


async def test_a_commit_that_is_refused_fails_the_task_with_its_reason(
    caller: Caller, repo: Path
) -> None:
    title = "t" * 70_000  # more than a commit message may have
    plan = f"- [ ] {title}\n  run: echo a > a.txt\n"
    task = await caller.submit(plan, repo, approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_FAILED
    assert done.failure.reason == reasons.ERROR_REASON_INVALID_REQUEST
    assert "message" in done.failure.message


@pytest.mark.parametrize("branch", ["bad..name", "a//b", "a/", "a.", "a.lock", "a/.b"])
async def test_a_branch_that_git_cannot_make_is_refused_before_any_work(
    caller: Caller, repo: Path, branch: str
) -> None:
    repository = task_pb2.Repository(uri=str(repo), branch=branch)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.submit("- [ ] a\n  run: true\n", repository=repository)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "cannot name a git branch" in (refused.value.details() or "")
