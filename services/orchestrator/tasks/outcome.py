"""What the end of a run means for its task."""

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import error_reason_pb2, failure_pb2, result_pb2
from adjutant.common.v1 import run_pb2 as common_run_pb2
from services.mesh.store import now
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.backoff import next_try
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.money import MoneyRecord, add_all
from services.orchestrator.tasks.step import ResultRecord, StepRecord
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import CommitRecord, Events, TaskRecord

PATCH = "changes.patch"
FINAL = {
    common_run_pb2.RUN_STATE_SUCCEEDED: "SUCCEEDED",
    common_run_pb2.RUN_STATE_FAILED: "FAILED",
    common_run_pb2.RUN_STATE_CANCELLED: "CANCELLED",
}
"""Final states of a run, and the states of the step that it was for."""
LOST = FailureRecord(
    reason="RUN_LOST",
    message="The agent runner does not know the run any more.",
    disposition="INFRASTRUCTURE",
)


def take_in(
    task: TaskRecord, name: str, run: run_pb2.Run | None, settings: OrchestratorSettings
) -> Events | None:
    """Fold a run's end into its task; None where that was done before or it goes on.

    `run` is None where the agent runner has no such run. What is tried again by itself, and
    when, is said in `backoff.py`.
    """
    task.news_time = now()
    state = FINAL.get(run.state) if run else "FAILED"
    failure = _failure(run) if run else LOST
    if state is None:
        return None
    step = task.step_of_run(name)
    if step and step.state == "RUNNING":
        task.wake = True
        return _end_step(task, step, state, failure, run, settings)
    if task.commit and task.commit.run == name and not task.commit.run_state:
        task.wake = True
        most = settings.max_infrastructure_attempts
        _end_commit(task.commit, state, failure, run, most)
        return []
    return None


def _end_commit(
    commit: CommitRecord,
    state: str,
    failure: FailureRecord | None,
    run: run_pb2.Run | None,
    max_attempts: int,
) -> None:
    if _lost(failure) and commit.attempt < max_attempts:
        commit.run = ""  # the same commit is made by another run
        return
    commit.run_state, commit.failure = state, failure
    commit.sha = run.commit_sha if run else ""


def _end_step(
    task: TaskRecord,
    step: StepRecord,
    state: str,
    failure: FailureRecord | None,
    run: run_pb2.Run | None,
    settings: OrchestratorSettings,
) -> Events:
    if run:
        task.base_sha = task.base_sha or run.base_sha
        step.changed_files = list(run.changed_files)
        patches = [artifact for artifact in run.artifacts if artifact.artifact_id == PATCH]
        step.patch_sha256 = next((patch.sha256 for patch in patches if patch.size_bytes), "")
        step.results = [_result(result) for result in run.results]
        if run.HasField("cost"):
            step.costs = add_all([*step.costs, MoneyRecord.of(run.cost)])
    retry_time = next_try(task, step, failure, settings) if failure and state == "FAILED" else None
    if retry_time:
        step.retries += 1
        return move_step(task, step, "PENDING", failure, retry_time)
    return move_step(task, step, state, failure if state != "SUCCEEDED" else None)


def _result(result: result_pb2.Result) -> ResultRecord:
    return ResultRecord(
        name=result.name,
        type=result_pb2.ResultType.Name(result.type).removeprefix("RESULT_TYPE_"),
        size_bytes=result.size_bytes,
        sha256=result.sha256,
    )


def _lost(failure: FailureRecord | None) -> bool:
    return failure is not None and failure.disposition == "INFRASTRUCTURE"


def _failure(run: run_pb2.Run) -> FailureRecord | None:
    if not run.HasField("failure"):
        return None
    failure = run.failure
    reason = error_reason_pb2.ErrorReason.Name(failure.reason)
    disposition = failure_pb2.FailureDisposition.Name(failure.disposition)
    return FailureRecord(
        reason=reason.removeprefix("ERROR_REASON_"),
        message=failure.message,
        disposition=disposition.removeprefix("FAILURE_DISPOSITION_"),
    )
