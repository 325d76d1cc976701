"""What the agent runner is asked to do for a task."""

from google.protobuf import timestamp_pb2

from adjutant.agent_runner.v1 import run_pb2
from services.mesh.names import child, collection_and_id, parent_of
from services.orchestrator import convert
from services.orchestrator.approvals.action import CommitActionRecord, PatchRecord
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.task import TaskRecord

MAX_LISTED_FILES = 100


def step_run_name(task: TaskRecord, step: StepRecord) -> str:
    """Return the name of a step's run; the same attempt always has the same."""
    return _run_name(task, f"{step.number}-{step.attempt}")


def commit_run_name(task: TaskRecord) -> str:
    """Return the name of the run that commits; the same attempt always has the same."""
    assert task.commit is not None
    return _run_name(task, f"commit-{task.attempt}-{task.commit.attempt}")


def begin_attempt(task: TaskRecord, step: StepRecord) -> None:
    """Note the run that a step is to have next, and what of it the task may change meanwhile."""
    step.attempt += 1
    step.iterations += 1
    step.run = step_run_name(task, step)
    step.last_message = task.inbox.handed_over
    step.revision = task.base_sha or (task.repository.revision if task.repository else "")


def step_spec(task: TaskRecord, step: StepRecord) -> run_pb2.RunSpec:
    """Return what a step's run does; it starts from the changes of all steps before it.

    It is the same for the same attempt, whatever became of the task meanwhile: the agent runner
    takes another one under the same name for a mistake.
    """
    spec = run_pb2.RunSpec(
        agent=step.agent,
        command_line=step.command_line,
        verify_command=step.verify_command,
        task=task.name,
        workspace=_workspace(task, step),
        results=[convert.declaration(given) for given in step.gives],
        inputs=_inputs(task, step),
        last_message=step.last_message,
    )
    if step.timeout_s is not None:
        spec.timeout.FromSeconds(step.timeout_s)
    return spec


def _inputs(task: TaskRecord, step: StepRecord) -> list[run_pb2.RunInput]:
    """Return what a step takes: of each step that gives it, the run that succeeded."""
    givers = {giver.number: giver for giver in task.steps}
    return [
        run_pb2.RunInput(
            name=taken.name,
            run=givers[taken.step].run,
            sha256=next(r.sha256 for r in givers[taken.step].results if r.name == taken.name),
        )
        for taken in step.takes
    ]


def commit_action(task: TaskRecord) -> CommitActionRecord:
    """Return the commit of everything that a task changed."""
    assert task.repository is not None
    changed = task.patches()
    files = sorted({path for step in changed for path in step.changed_files})
    lines = [f"- {step.title}" for step in changed]
    message = "\n".join([task.title, "", *lines, "", f"Task: {task.name}"])
    return CommitActionRecord(
        repository_uri=task.repository.uri,
        base_sha=task.base_sha,
        branch=task.repository.branch or f"adjutant/{collection_and_id(task.name)[1]}",
        message=message,
        patches=[PatchRecord(run=step.run, sha256=step.patch_sha256) for step in changed],
        changed_files=files[:MAX_LISTED_FILES],
    )


def commit_spec(task: TaskRecord, approval: ApprovalRecord) -> run_pb2.RunSpec:
    """Return what the commit's run does: exactly what was approved."""
    action = approval.commit
    assert action is not None
    time = timestamp_pb2.Timestamp()
    time.FromDatetime(approval.decide_time or approval.create_time)
    return run_pb2.RunSpec(
        agent="git",
        task=task.name,
        commit=run_pb2.CommitSpec(branch=action.branch, message=action.message, time=time),
        workspace=run_pb2.Workspace(
            repository_uri=action.repository_uri,
            revision=action.base_sha,
            patch_runs=[patch.run for patch in action.patches],
        ),
    )


def _run_name(task: TaskRecord, suffix: str) -> str:
    return child(parent_of(task.name), "runs", f"{collection_and_id(task.name)[1]}-{suffix}")


def _workspace(task: TaskRecord, step: StepRecord) -> run_pb2.Workspace:
    before = task.patches(task.ancestors(step.number))
    return run_pb2.Workspace(
        repository_uri=task.repository.uri if task.repository else "",
        revision=step.revision,
        patch_runs=[earlier.run for earlier in before],
    )
