"""Messages to tasks: stored at once, handed over exactly once, refused with a reason."""

import asyncio
from pathlib import Path

import grpc
import pytest

from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import task_message_pb2 as message_states
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import approval_service_pb2, task_pb2, task_service_pb2
from tests.support.errors import reason_of
from tests.support.mesh import PROJECT, Caller, git
from tests.support.stores import on_both_stores

PENDING = message_states.TASK_MESSAGE_STATE_PENDING
DELIVERED = message_states.TASK_MESSAGE_STATE_DELIVERED
DISCARDED = message_states.TASK_MESSAGE_STATE_DISCARDED


def _wait_for(path: Path) -> str:
    return f"while ! test -e {path}; do sleep 0.05; done"


async def _delivered(caller: Caller, task: str, count: int) -> None:
    async with asyncio.timeout(20):
        while sum(m.state == DELIVERED for m in await caller.told(task)) < count:
            await asyncio.sleep(0.05)


@on_both_stores
async def test_every_run_that_starts_later_finds_the_messages_in_order(
    caller: Caller, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    plan = (
        f"- [ ] first\n  run: ls $ADJUTANT_MESSAGES > {tmp_path}/first; {_wait_for(go)}\n"
        f"- [ ] second\n  after: first\n"
        "  run: cd $ADJUTANT_MESSAGES; for f in *; do echo $f; cat $f; echo; done"
        f" > {tmp_path}/second\n"
    )
    task = await caller.submit(plan)
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    sent = await caller.tell(task.name, "use tabs,\nnot spaces", "r1")
    again = await caller.tell(task.name, "use tabs,\nnot spaces", "r1")
    assert again.name == sent.name, "a repeat is the same message"
    assert sent.sender
    await caller.tell(task.name, "and be quick")
    await _delivered(caller, task.name, 2)
    go.touch()
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED
    assert (tmp_path / "first").read_text() == ""
    assert (tmp_path / "second").read_text() == "1\nuse tabs,\nnot spaces\n2\nand be quick\n"
    assert (done.message_count, done.pending_message_count) == (2, 0)
    told = await caller.told(task.name)
    assert [(m.number, m.state, m.task_attempt) for m in told] == [
        (1, DELIVERED, 1),
        (2, DELIVERED, 1),
    ]
    assert all(message.pass_number > 1 for message in told), "the first pass was over"
    assert told[0].deliver_time.ToDatetime() >= told[0].create_time.ToDatetime()

    reused = await _refused(caller, task.name, "another text", "r1")
    assert reason_of(reused) == "REQUEST_ID_REUSED"
    assert (await caller.tell(task.name, "use tabs,\nnot spaces", "r1")).state == DELIVERED


async def _refused(
    caller: Caller, task: str, text: str, request_id: str = ""
) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await caller.tell(task, text, request_id)
    return refused.value


async def test_a_checklist_adds_steps_to_a_running_task(caller: Caller, tmp_path: Path) -> None:
    go, log = tmp_path / "go", tmp_path / "log"
    plan = f"# Job\n- [ ] base\n  run: {_wait_for(go)}; echo base >> {log}\n"
    task = await caller.submit(plan)
    await caller.until(task.name, states.TASK_STATE_WAITING_FOR_AGENT)
    more = (
        "Please also do this:\n\n## Later\n"
        f"- [ ] third\n  after: second\n  run: echo third >> {log}\n"
        f"- [ ] second\n  after: base\n  run: echo second >> {log}\n"
    )
    sent = await caller.tell(task.name, more)
    assert list(sent.steps_added) == [2, 3]
    last = await caller.tell(task.name, f"- [ ] last\n  run: echo last >> {log}\n")
    assert list(last.steps_added) == [4]
    go.touch()
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    assert log.read_text().split() == ["base", "second", "third", "last"]
    assert [(s.number, s.title, list(s.after)) for s in done.steps] == [
        (1, "base", []),
        (2, "third", [3]),
        (3, "second", [1]),
        (4, "last", [2, 3]),
    ]
    assert [goal.title for goal in done.goals] == ["Job", "Later", "More"]
    story = await caller.story(task.name)
    received = [e.task_message_received for e in story if e.HasField("task_message_received")]
    delivered = [e.task_message_delivered for e in story if e.HasField("task_message_delivered")]
    assert [r.number for r in received] == [d.number for d in delivered] == [1, 2]
    assert received[0].excerpt.startswith("Please also")
    assert list(delivered[0].steps_added) == [2, 3]


async def test_a_checklist_that_is_wrong_is_refused_at_once_with_its_own_lines(
    caller: Caller, tmp_path: Path
) -> None:
    task = await caller.submit(f"- [ ] a\n  run: {_wait_for(tmp_path / 'go')}\n")
    wrong = await _refused(caller, task.name, "hello\n\n- [ ] b\n  run: true\n  after: nobody\n")
    assert reason_of(wrong) == "INVALID_PLAN"
    assert "line 5: `after:` names 'nobody'" in (wrong.details() or "")
    cycle = "- [ ] b\n  run: x\n  after: c\n- [ ] c\n  run: y\n  after: b\n"
    assert reason_of(await _refused(caller, task.name, cycle)) == "PLAN_CYCLE"
    nothing = await _refused(caller, task.name, "- [ ] b\n")
    assert "line 1: step 'b' has no `run:` line" in (nothing.details() or "")
    assert await caller.told(task.name) == [], "what was refused is in no list"
    (tmp_path / "go").touch()
    assert len((await caller.finished(task.name)).steps) == 1


@on_both_stores
async def test_ended_tasks_take_no_message_and_say_what_to_do(caller: Caller) -> None:
    done = await caller.submit("- [ ] a\n  run: true\n")
    await caller.finished(done.name)
    late = await _refused(caller, done.name, "too late")
    assert (reason_of(late), "submit a new task" in (late.details() or "")) == (
        "ILLEGAL_TRANSITION",
        True,
    )
    missing = await _refused(caller, f"{PROJECT}/tasks/missing", "hello")
    assert reason_of(missing) == "NOT_FOUND"

    stopped = await caller.submit("- [ ] a\n  run: sleep 100\n")
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=stopped.name))
    assert reason_of(await _refused(caller, stopped.name, "late")) == "ILLEGAL_TRANSITION"
    await caller.until(stopped.name, states.TASK_STATE_CANCELLED)
    again = await _refused(caller, stopped.name, "late")
    assert "retry it" in (again.details() or "")


async def test_a_failed_task_gets_its_messages_when_it_is_retried(
    caller: Caller, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    task = await caller.submit(f"- [ ] flaky\n  run: test -e {tmp_path}/flag\n")
    assert (await caller.finished(task.name)).state == states.TASK_STATE_FAILED
    sent = await caller.tell(task.name, f"- [ ] more\n  run: echo more >> {log}\n")
    assert sent.state == PENDING
    await asyncio.sleep(0.5)
    resting = await caller.task(task.name)
    assert (resting.state, resting.pending_message_count) == (states.TASK_STATE_FAILED, 1)
    (tmp_path / "flag").touch()
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    assert log.read_text() == "more\n"
    assert [(m.state, m.task_attempt) for m in await caller.told(task.name)] == [(DELIVERED, 2)]


async def test_what_waits_when_a_task_is_cancelled_is_discarded_and_said(
    caller: Caller, tmp_path: Path
) -> None:
    task = await caller.submit(f"- [ ] flaky\n  run: test -e {tmp_path}/flag\n")
    await caller.finished(task.name)
    await caller.tell(task.name, "for the next attempt")
    await caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    # It may be handed over before it is cancelled; either is an end, and only one comes.
    await caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await caller.until(task.name, states.TASK_STATE_CANCELLED, states.TASK_STATE_FAILED)
    (message,) = await caller.told(task.name)
    story = await caller.story(task.name)
    ends = [
        event.WhichOneof("payload")
        for event in story
        if event.HasField("task_message_delivered") or event.HasField("task_message_discarded")
    ]
    expected = {DELIVERED: "task_message_delivered", DISCARDED: "task_message_discarded"}
    assert ends == [expected[message.state]]


@on_both_stores
async def test_steps_that_come_while_a_person_is_asked_change_what_is_asked(
    caller: Caller, repo: Path
) -> None:
    task = await caller.submit("- [ ] a\n  run: echo a > a.txt\n", repo)
    first = await caller.pending_approval(task.name)
    await caller.tell(task.name, "- [ ] b\n  run: cat a.txt > b.txt; echo b >> b.txt\n")
    async with asyncio.timeout(20):
        while (second := await caller.pending_approval(task.name)).name == first.name:
            await asyncio.sleep(0.05)
    assert list(second.commit.changed_files) == ["a.txt", "b.txt"]
    request = approval_service_pb2.GetApprovalRequest(name=first.name)
    stale = (await caller.approvals.GetApproval(request)).approval
    assert stale.state == approval_states.APPROVAL_STATE_DISMISSED
    await caller.decide(second, "APPROVE")
    done = await caller.finished(task.name)
    assert git(repo, "show", f"{done.commit.sha}:b.txt") == "a\nb"


async def test_steps_that_come_after_the_commit_make_another_one_on_top(
    caller: Caller, repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message comes when the commit is pushed, and the task is about to end."""
    from services.orchestrator.graph.git_operations import GitOperations

    finish, sent = GitOperations._finish_commit, asyncio.Event()
    name = ""

    async def late(graph: GitOperations, *arguments: object) -> object:
        if not sent.is_set():
            sent.set()
            await caller.tell(name, "- [ ] b\n  run: cat a.txt > b.txt; echo b >> b.txt\n")
        return await finish(graph, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(GitOperations, "_finish_commit", late)
    policy = task_pb2.APPROVAL_POLICY_APPROVE
    task = await caller.submit("- [ ] a\n  run: echo a > a.txt\n", repo, approval_policy=policy)
    name = task.name
    done = await caller.finished(task.name)
    assert done.state == states.TASK_STATE_COMPLETED, done.failure
    assert sent.is_set()
    assert git(repo, "rev-list", "--count", f"main..{done.commit.branch}") == "2"
    assert git(repo, "show", f"{done.commit.sha}:b.txt") == "a\nb"
    requeued = [
        event.task_state_changed
        for event in await caller.story(task.name)
        if event.task_state_changed.previous_state == states.TASK_STATE_ORCHESTRATING
        and event.task_state_changed.state == states.TASK_STATE_QUEUED
    ]
    assert requeued, "it went on instead of ending"


async def test_a_task_takes_so_many_messages_and_no_more(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from services.orchestrator.messages import handover

    monkeypatch.setattr(handover, "MAX_MESSAGES", 3)
    task = await caller.submit(f"- [ ] a\n  run: {_wait_for(tmp_path / 'go')}\n")
    for number in range(3):
        await caller.tell(task.name, f"message {number}")
    many = await _refused(caller, task.name, "one more")
    assert reason_of(many) == "TOO_MANY_MESSAGES"
    assert reasons.ErrorReason.Value("ERROR_REASON_TOO_MANY_MESSAGES") == 62
    (tmp_path / "go").touch()
    await caller.finished(task.name)
