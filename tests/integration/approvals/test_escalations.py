"""A task that cannot go on by itself asks a person how to."""

import sys
from pathlib import Path

import psutil
import pytest

from adjutant.common.v1 import approval_pb2 as states
from adjutant.common.v1 import error_reason_pb2 as reasons
from adjutant.common.v1 import failure_pb2, money_pb2
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import approval_pb2, task_pb2, task_service_pb2
from tests.support.approvals import choose, get, listed, settle
from tests.support.mesh import Caller, MeshInProcess, git, mesh_in_process

ASK = states.ESCALATION_POLICY_ASK
STATE = task_states.StepState


def plan(flag: Path) -> str:
    """Return a plan whose second step fails until the flag is there."""
    return (
        "# Change\n"
        "- [ ] good\n  run: echo a > a.txt\n"
        f"- [ ] bad\n  run: echo tried >> {flag}.tries; test -e {flag} && echo b > b.txt\n"
        "- [ ] after bad\n  after: bad\n  run: echo c > c.txt\n"
    )


async def escalated(caller: Caller, task: str) -> approval_pb2.Approval:
    """Return what a task asks, and look at how it waits."""
    asked = await caller.pending_approval(task)
    assert asked.kind == states.APPROVAL_KIND_ESCALATION
    assert asked.risk == states.RISK_HIGH
    waiting = await caller.until(task, task_states.TASK_STATE_WAITING_FOR_USER)
    assert waiting.approval == asked.name
    return asked


async def test_a_step_that_failed_for_good_is_tried_again(
    mesh: MeshInProcess, repo: Path, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    task = await mesh.caller.submit(plan(flag), repo, escalation_policy=ASK)
    asked = await escalated(mesh.caller, task.name)
    escalation = asked.escalation
    assert escalation.kind == states.ESCALATION_KIND_NO_RECOVERY
    assert escalation.context.step_number == 2
    assert escalation.context.failure.reason == reasons.ERROR_REASON_COMMAND_FAILED
    assert escalation.context.run == (await mesh.caller.task(task.name)).steps[1].run
    offered = [choice.choice_id for choice in escalation.choices]
    assert offered == ["try-again", "go-on-without", "give-up"]

    await choose(mesh.caller, task.name, "try-again")
    again = await escalated(mesh.caller, task.name)
    assert again.name != asked.name, "it failed again, and asks again"
    assert again.attempt == 1
    flag.touch()
    await choose(mesh.caller, task.name, "try-again")
    commit = await mesh.caller.pending_approval(task.name)
    assert list(commit.commit.changed_files) == ["a.txt", "b.txt", "c.txt"]
    await mesh.caller.decide(commit, "APPROVE")
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert [step.state for step in done.steps] == [STATE.STEP_STATE_SUCCEEDED] * 3
    assert len(Path(f"{flag}.tries").read_text().split()) == 3


async def test_a_task_goes_on_without_a_step_and_what_comes_after_it(
    mesh: MeshInProcess, repo: Path, tmp_path: Path
) -> None:
    policy = task_pb2.APPROVAL_POLICY_APPROVE
    task = await mesh.caller.submit(
        plan(tmp_path / "flag"), repo, escalation_policy=ASK, approval_policy=policy
    )
    await choose(mesh.caller, task.name, "go-on-without")
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert [step.state for step in done.steps] == [
        STATE.STEP_STATE_SUCCEEDED,
        STATE.STEP_STATE_FAILED,
        STATE.STEP_STATE_SKIPPED,
    ]
    assert done.steps[1].waived
    files = git(repo, "show", "--name-only", "--format=", done.commit.branch).split()
    assert files == ["a.txt"]


async def test_who_gives_up_is_named_in_the_failure(mesh: MeshInProcess, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    task = await mesh.caller.submit(plan(flag), escalation_policy=ASK)
    decided = await choose(mesh.caller, task.name, "give-up")
    done = await mesh.caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_STEP_FAILED
    assert done.failure.disposition == failure_pb2.FAILURE_DISPOSITION_PERSON
    assert decided.decider in done.failure.message
    assert "Step 2 'bad' failed" in done.failure.message
    flag.touch()
    await mesh.caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    assert (await mesh.caller.finished(task.name)).state == task_states.TASK_STATE_COMPLETED


async def test_two_failures_are_asked_about_one_after_the_other(mesh: MeshInProcess) -> None:
    text = "- [ ] one\n  run: exit 1\n- [ ] two\n  run: exit 2\n"
    text += "- [ ] both\n  after: one, two\n  run: true\n"
    task = await mesh.caller.submit(text, escalation_policy=ASK)
    first = await choose(mesh.caller, task.name, "go-on-without")
    second = await choose(mesh.caller, task.name, "go-on-without")
    numbers = [one.escalation.context.step_number for one in (first, second)]
    assert numbers == [1, 2]
    assert (await mesh.caller.finished(task.name)).state == task_states.TASK_STATE_COMPLETED


async def test_a_task_that_does_not_say_does_as_the_project_settings_say(
    mesh: MeshInProcess,
) -> None:
    text = "- [ ] bad\n  run: exit 1\n"
    failed = await mesh.caller.finished((await mesh.caller.submit(text)).name)
    assert failed.state == task_states.TASK_STATE_FAILED
    assert await listed(mesh.caller) == []
    await settle(mesh.caller, escalation_policy=ASK)
    asks = await mesh.caller.submit(text)
    await escalated(mesh.caller, asks.name)
    policy = states.ESCALATION_POLICY_FAIL
    fails = await mesh.caller.submit(text, escalation_policy=policy)
    assert (await mesh.caller.finished(fails.name)).state == task_states.TASK_STATE_FAILED


async def test_a_cancelled_escalation_is_dismissed_and_a_retry_starts_over(
    mesh: MeshInProcess, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    task = await mesh.caller.submit(plan(flag), escalation_policy=ASK)
    asked = await escalated(mesh.caller, task.name)
    await mesh.caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await mesh.caller.until(task.name, task_states.TASK_STATE_CANCELLED)
    assert (await get(mesh.caller, asked.name)).state == states.APPROVAL_STATE_DISMISSED
    flag.touch()
    await mesh.caller.tasks.RetryTask(task_service_pb2.RetryTaskRequest(name=task.name))
    assert (await mesh.caller.finished(task.name)).state == task_states.TASK_STATE_COMPLETED


async def test_a_step_that_is_started_too_often_is_asked_about(
    mesh: MeshInProcess, tmp_path: Path
) -> None:
    await settle(mesh.caller, max_step_iterations=1)
    flag = tmp_path / "flag"
    text = f"- [ ] lost\n  run: test -e {flag} || sleep 60\n"
    task = await mesh.caller.submit(text, escalation_policy=ASK)
    await _lose_the_run(mesh.caller, task.name)
    asked = await escalated(mesh.caller, task.name)
    assert asked.escalation.kind == states.ESCALATION_KIND_TOO_MANY_ITERATIONS
    assert asked.escalation.context.iterations == 1
    assert "started once" in asked.escalation.context.message
    flag.touch()
    await choose(mesh.caller, task.name, "try-again")
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert (done.steps[0].attempt, done.steps[0].iterations) == (2, 1)


async def test_without_anybody_to_ask_a_step_that_is_started_too_often_fails(
    mesh: MeshInProcess,
) -> None:
    await settle(mesh.caller, max_step_iterations=1)
    task = await mesh.caller.submit("- [ ] lost\n  run: sleep 60\n")
    await _lose_the_run(mesh.caller, task.name)
    done = await mesh.caller.finished(task.name)
    assert done.steps[0].failure.reason == reasons.ERROR_REASON_TOO_MANY_ITERATIONS
    assert done.state == task_states.TASK_STATE_FAILED


async def _lose_the_run(caller: Caller, task: str) -> None:
    """Kill the keeper of a task's first run, so that the ground gives way under it."""
    await caller.until(task, task_states.TASK_STATE_WAITING_FOR_AGENT)
    name = (await caller.task(task)).steps[0].run
    while not (run := await caller.run(name)).process_group:
        pass
    psutil.Process(psutil.Process(run.process_group).ppid()).kill()


def spending(*amounts: str) -> str:
    """Return a plan of steps, one after the other, that spend so much each."""
    report = f"{Path(sys.executable).with_name('adjutant')} report --cost"
    steps = [f"- [ ] spend {n}\n  run: {report} '{text}'\n" for n, text in enumerate(amounts)]
    return "".join(f"{step}  after: spend {n - 1}\n" if n else step for n, step in enumerate(steps))


async def test_a_task_that_costs_more_than_it_may_asks_and_is_allowed_as_much_again(
    mesh: MeshInProcess,
) -> None:
    limit = money_pb2.Money(currency_code="EUR", units=1)
    await settle(mesh.caller, cost_limit=limit)
    task = await mesh.caller.submit(spending("0.60 EUR", "0.60 EUR", "0.50 EUR", "5 EUR", "1 EUR"))
    asked = await escalated(mesh.caller, task.name)
    escalation = asked.escalation
    assert escalation.kind == states.ESCALATION_KIND_MONEY
    assert escalation.context.cost_limit == limit
    spent = money_pb2.Money(currency_code="EUR", units=1, nanos=200_000_000)
    assert list(escalation.context.costs) == [spent]
    assert [one.choice_id for one in escalation.choices] == ["allow-as-much-again", "give-up"]
    found = await mesh.caller.task(task.name)
    assert found.steps[2].state == STATE.STEP_STATE_PENDING, "nothing is started meanwhile"
    await choose(mesh.caller, task.name, "allow-as-much-again")
    again = await escalated(mesh.caller, task.name)
    assert again.escalation.context.cost_limit.units == 2
    assert [step.state for step in (await mesh.caller.task(task.name)).steps] == [
        *[STATE.STEP_STATE_SUCCEEDED] * 4,
        STATE.STEP_STATE_PENDING,
    ]
    await choose(mesh.caller, task.name, "give-up")
    done = await mesh.caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_COST_LIMIT
    assert done.failure.disposition == failure_pb2.FAILURE_DISPOSITION_PERSON


async def test_other_currencies_and_the_last_steps_cost_are_not_asked_about(
    mesh: MeshInProcess,
) -> None:
    await settle(mesh.caller, cost_limit=money_pb2.Money(currency_code="EUR", units=1))
    task = await mesh.caller.submit(spending("9 USD", "9 EUR"))
    done = await mesh.caller.finished(task.name)
    assert done.state == task_states.TASK_STATE_COMPLETED
    assert await listed(mesh.caller) == []


async def test_an_escalation_that_nobody_answers_fails_the_task_as_unanswered(
    hasty: MeshInProcess,
) -> None:
    task = await hasty.caller.submit("- [ ] bad\n  run: exit 1\n", escalation_policy=ASK)
    done = await hasty.caller.finished(task.name)
    assert done.failure.reason == reasons.ERROR_REASON_APPROVAL_EXPIRED
    asked = await listed(hasty.caller, 'kind = "ESCALATION"')
    assert [one.attempt for one in asked] == [1, 2, 3]
    assert {one.action_digest for one in asked} == {asked[0].action_digest}, "the very same"


@pytest.mark.parametrize("slots", [1])
async def test_who_waits_for_a_person_holds_no_slot(tmp_path: Path, slots: int) -> None:
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=slots) as mesh:
        waiting = await mesh.caller.submit("- [ ] bad\n  run: exit 1\n", escalation_policy=ASK)
        await escalated(mesh.caller, waiting.name)
        other = await mesh.caller.submit("- [ ] good\n  run: true\n")
        done = await mesh.caller.finished(other.name)
        assert done.state == task_states.TASK_STATE_COMPLETED
