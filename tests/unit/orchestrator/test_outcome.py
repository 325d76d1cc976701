"""What the end of a run means for its task."""

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import failure_pb2, money_pb2
from adjutant.common.v1 import run_pb2 as states
from services.mesh.store import now
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.backoff import delay_s, release_steps
from services.orchestrator.tasks.lifecycle import retry_task
from services.orchestrator.tasks.money import MoneyRecord, add_all
from services.orchestrator.tasks.outcome import take_in
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import earliest_retry, ready_steps, skip_unreachable, summary
from services.orchestrator.tasks.task import CommitRecord, TaskRecord

TASK = "clients/a/projects/b/tasks/t"
RUN = "clients/a/projects/b/runs/t-1-1"
SETTINGS = OrchestratorSettings(max_infrastructure_attempts=3)
ENDED = run_pb2.Run(
    name=RUN,
    state=states.RUN_STATE_SUCCEEDED,
    base_sha="abc",
    changed_files=["x"],
    artifacts=[run_pb2.Artifact(artifact_id="changes.patch", size_bytes=3, sha256="d1")],
)


def task(*steps: StepRecord) -> TaskRecord:
    time = now()
    return TaskRecord(
        name=TASK,
        create_time=time,
        update_time=time,
        news_time=time,
        title="t",
        instructions="",
        state="WAITING_FOR_AGENT",
        steps=list(steps),
        wake=False,
    )


def step(number: int = 1, **fields: object) -> StepRecord:
    common = {"number": number, "title": f"s{number}", "goal_index": 0, "agent": "command"}
    return StepRecord.model_validate(common | fields)


def running(attempt: int = 1) -> StepRecord:
    return step(state="RUNNING", run=RUN, attempt=attempt)


def lost() -> run_pb2.Run:
    return run_pb2.Run(
        name=RUN,
        state=states.RUN_STATE_FAILED,
        failure=failure_pb2.Failure(
            reason="ERROR_REASON_RUN_LOST",
            disposition="FAILURE_DISPOSITION_INFRASTRUCTURE",
        ),
    )


def test_a_success_is_taken_in_once() -> None:
    record = task(running())
    assert take_in(record, RUN, ENDED, SETTINGS)
    assert record.wake
    assert (record.steps[0].state, record.steps[0].patch_sha256) == ("SUCCEEDED", "d1")
    assert record.base_sha == "abc"
    assert take_in(record, RUN, ENDED, SETTINGS) is None, "the same event again changes nothing"


def test_an_empty_patch_is_no_change() -> None:
    record = task(running())
    unchanged = run_pb2.Run(name=RUN, state=states.RUN_STATE_SUCCEEDED)
    unchanged.artifacts.add(artifact_id="changes.patch", size_bytes=0, sha256="e3b0")
    take_in(record, RUN, unchanged, SETTINGS)
    assert record.patches() == []


def test_a_run_that_goes_on_changes_nothing() -> None:
    record = task(running())
    assert (
        take_in(record, RUN, run_pb2.Run(name=RUN, state=states.RUN_STATE_RUNNING), SETTINGS)
        is None
    )
    assert record.steps[0].state == "RUNNING"


def test_a_lost_run_is_started_again_later_a_few_times() -> None:
    record = task(running(attempt=2))
    record.steps[0].retries = 1
    take_in(record, RUN, lost(), SETTINGS)
    assert record.steps[0].state == "PENDING"
    assert ready_steps(record) == [], "not before its time"
    assert record.wake_time == record.steps[0].retry_time

    record.wake_time = record.steps[0].retry_time = now()
    record.wake = False
    release_steps(record)
    assert ready_steps(record) == [record.steps[0]]
    assert record.wake
    assert earliest_retry(record) is None

    record = task(running(attempt=3))
    record.steps[0].retries = 2
    take_in(record, RUN, lost(), SETTINGS)
    assert record.steps[0].state == "FAILED"


def failed() -> run_pb2.Run:
    return run_pb2.Run(
        name=RUN,
        state=states.RUN_STATE_FAILED,
        failure=failure_pb2.Failure(
            reason="ERROR_REASON_COMMAND_FAILED", disposition="FAILURE_DISPOSITION_WORK"
        ),
    )


def test_any_failure_is_tried_again_as_often_as_the_plan_says() -> None:
    record = task(running())
    take_in(record, RUN, failed(), SETTINGS)
    assert record.steps[0].state == "FAILED", "the plan says nothing"

    record = task(running())
    record.steps[0].retry_limit = 1
    take_in(record, RUN, failed(), SETTINGS)
    assert (record.steps[0].state, record.steps[0].retries) == ("PENDING", 1)

    record = task(running(attempt=2))
    record.steps[0].retry_limit = record.steps[0].retries = 1
    take_in(record, RUN, failed(), SETTINGS)
    assert record.steps[0].state == "FAILED"


def test_delays_double_up_to_the_longest_and_differ_from_step_to_step() -> None:
    settings = OrchestratorSettings(retry_initial_s=1, retry_max_s=5)
    record = task(step(1), step(2))
    first = record.steps[0]
    delays = []
    for first.attempt in range(1, 6):
        delays.append(delay_s(record, first, settings))
        assert delay_s(record, first, settings) == delays[-1], "the same attempt waits as long"
        first.retries += 1
    for delay, longest in zip(delays, (1, 2, 4, 5, 5), strict=True):
        assert longest * 0.75 <= delay <= longest
    assert delay_s(record, record.steps[1], settings) != delays[0]


def test_a_task_that_is_queued_again_waits_for_no_time() -> None:
    record = task(running(), step(2, state="FAILED"))
    take_in(record, RUN, lost(), SETTINGS)
    record.state = "FAILED"
    retry_task(record, "again")
    assert record.wake_time is None
    assert [item.number for item in ready_steps(record)] == [1, 2]
    assert record.steps[0].retries == 0


def test_no_more_steps_are_ready_than_there_is_room_for() -> None:
    record = task(running(), step(2), step(3), step(4))
    record.max_parallel_steps = 3
    assert [item.number for item in ready_steps(record)] == [2, 3]
    record.max_parallel_steps = 1
    assert ready_steps(record) == []


def test_costs_add_up_within_a_currency_over_all_runs() -> None:
    record = task(running(), step(2, costs=[{"currency_code": "EUR", "units": 1}]))
    record.steps[0].costs = add_all([MoneyRecord(currency_code="EUR", nanos=600_000_000)])
    ended = run_pb2.Run()
    ended.CopyFrom(ENDED)
    ended.cost.CopyFrom(money_pb2.Money(currency_code="EUR", nanos=500_000_000))
    take_in(record, RUN, ended, SETTINGS)
    assert record.steps[0].costs == [MoneyRecord(currency_code="EUR", units=1, nanos=100_000_000)]
    assert record.costs == [MoneyRecord(currency_code="EUR", units=2, nanos=100_000_000)]
    record.steps[1].costs = [MoneyRecord(currency_code="USD", units=1)]
    assert [cost.currency_code for cost in record.costs] == ["EUR", "USD"]


def test_a_skipped_step_says_what_failed_however_far_away() -> None:
    record = task(step(1, state="FAILED"), step(2, after=[1]), step(3, after=[2]))
    skip_unreachable(record)
    failure = record.steps[2].failure
    assert failure is not None
    assert "step 1 's1', which failed" in failure.message
    assert summary(record) == "0 steps succeeded, 1 failed, 2 were skipped"


def test_a_run_that_the_runner_forgot_counts_as_lost() -> None:
    record = task(running())
    take_in(record, RUN, None, SETTINGS)
    assert record.steps[0].state == "PENDING"


def test_a_lost_run_of_a_cancelled_task_is_not_started_again() -> None:
    record = task(running())
    record.state = "CANCELLING"
    take_in(record, RUN, lost(), SETTINGS)
    assert record.steps[0].state == "FAILED"
    assert record.active_runs() == []


def test_the_run_that_commits_is_taken_in_too() -> None:
    record = task(step(state="SUCCEEDED"))
    record.commit = CommitRecord(run=RUN, attempt=1, branch="b")
    ended = run_pb2.Run(name=RUN, state=states.RUN_STATE_SUCCEEDED, commit_sha="f00")
    assert take_in(record, RUN, ended, SETTINGS) == []
    assert (record.commit.run_state, record.commit.sha) == ("SUCCEEDED", "f00")

    record.commit = CommitRecord(run=RUN, attempt=1, branch="b")
    take_in(record, RUN, lost(), SETTINGS)
    assert record.commit.run == "", "another run makes the same commit"


def test_what_waits_for_a_failure_is_skipped_and_the_rest_goes_on() -> None:
    record = task(
        step(1, state="FAILED"),
        step(2, after=[1]),
        step(3, after=[2]),
        step(4),
        step(5, after=[6]),
        step(6, ticked=True, state="SKIPPED"),
    )
    skip_unreachable(record)
    assert [item.state for item in record.steps] == [
        "FAILED",
        "SKIPPED",
        "SKIPPED",
        "PENDING",
        "PENDING",
        "SKIPPED",
    ]
    assert [item.number for item in ready_steps(record)] == [4, 5]


def test_changes_are_handed_on_in_an_order_in_which_they_apply() -> None:
    done = {"state": "SUCCEEDED", "patch_sha256": "x"}
    record = task(step(1, after=[3], **done), step(2, after=[1]), step(3, **done))
    assert [item.number for item in record.patches(record.ancestors(2))] == [3, 1]


def test_a_retry_keeps_a_commit_that_was_made_before_the_task_was_cancelled() -> None:
    made = task(step(state="SUCCEEDED"))
    made.state, made.approval = "CANCELLED", "clients/a/projects/b/approvals/x"
    made.commit = CommitRecord(attempt=1, run=RUN, run_state="SUCCEEDED", sha="abc", branch="b")
    retry_task(made, "")
    assert made.commit is not None
    assert made.commit.sha == "abc", "another commit of the same base would not fit behind it"


def test_a_retry_forgets_a_commit_that_failed() -> None:
    failed = task(step(state="SUCCEEDED"))
    failed.state, failed.approval = "FAILED", "clients/a/projects/b/approvals/x"
    failed.commit = CommitRecord(attempt=1, run=RUN, run_state="FAILED", branch="b")
    retry_task(failed, "")
    assert failed.approval == ""
    assert failed.commit is None
