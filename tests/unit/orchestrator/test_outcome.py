"""What the end of a run means for its task."""

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import run_pb2 as states
from services.mesh.store import now
from services.orchestrator.lifecycle import retry_task
from services.orchestrator.outcome import take_in
from services.orchestrator.step import StepRecord
from services.orchestrator.steps import ready_steps, skip_unreachable
from services.orchestrator.task import CommitRecord, TaskRecord

TASK = "clients/a/projects/b/tasks/t"
RUN = "clients/a/projects/b/runs/t-1-1"
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
    assert take_in(record, RUN, ENDED, 3)
    assert record.wake
    assert (record.steps[0].state, record.steps[0].patch_sha256) == ("SUCCEEDED", "d1")
    assert record.base_sha == "abc"
    assert take_in(record, RUN, ENDED, 3) is None, "the same event again changes nothing"


def test_an_empty_patch_is_no_change() -> None:
    record = task(running())
    unchanged = run_pb2.Run(name=RUN, state=states.RUN_STATE_SUCCEEDED)
    unchanged.artifacts.add(artifact_id="changes.patch", size_bytes=0, sha256="e3b0")
    take_in(record, RUN, unchanged, 3)
    assert record.patches() == []


def test_a_run_that_goes_on_changes_nothing() -> None:
    record = task(running())
    assert take_in(record, RUN, run_pb2.Run(name=RUN, state=states.RUN_STATE_RUNNING), 3) is None
    assert record.steps[0].state == "RUNNING"


def test_a_lost_run_is_started_again_a_few_times() -> None:
    record = task(running(attempt=2))
    take_in(record, RUN, lost(), 3)
    assert record.steps[0].state == "PENDING"
    assert ready_steps(record) == [record.steps[0]]

    record = task(running(attempt=3))
    take_in(record, RUN, lost(), 3)
    assert record.steps[0].state == "FAILED"


def test_a_run_that_the_runner_forgot_counts_as_lost() -> None:
    record = task(running())
    take_in(record, RUN, None, 3)
    assert record.steps[0].state == "PENDING"


def test_a_lost_run_of_a_cancelled_task_is_not_started_again() -> None:
    record = task(running())
    record.state = "CANCELLING"
    take_in(record, RUN, lost(), 3)
    assert record.steps[0].state == "FAILED"
    assert record.active_runs() == []


def test_the_run_that_commits_is_taken_in_too() -> None:
    record = task(step(state="SUCCEEDED"))
    record.commit = CommitRecord(run=RUN, attempt=1, branch="b")
    ended = run_pb2.Run(name=RUN, state=states.RUN_STATE_SUCCEEDED, commit_sha="f00")
    assert take_in(record, RUN, ended, 3) == []
    assert (record.commit.run_state, record.commit.sha) == ("SUCCEEDED", "f00")

    record.commit = CommitRecord(run=RUN, attempt=1, branch="b")
    take_in(record, RUN, lost(), 3)
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
