"""Records as the contract's messages."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from google.protobuf import duration_pb2, timestamp_pb2

from adjutant.common.v1 import failure_pb2, money_pb2, result_pb2, task_pb2
from adjutant.orchestrator.v1 import estimate_pb2
from adjutant.orchestrator.v1 import task_pb2 as orchestrator_task_pb2

if TYPE_CHECKING:
    from services.orchestrator.plans.estimate import EstimateRecord
    from services.orchestrator.plans.plan import Gives
    from services.orchestrator.tasks.failure import FailureRecord
    from services.orchestrator.tasks.money import MoneyRecord
    from services.orchestrator.tasks.step import ResultRecord, StepRecord
    from services.orchestrator.tasks.task import CommitRecord, RepositoryRecord, TaskRecord

FINAL_STEPS = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED")


def task_state(state: str) -> str:
    """Return a task's state as the contract names it."""
    return f"TASK_STATE_{state}"


def task_queue(queue: str) -> str:
    """Return a queue as the contract names it."""
    return f"TASK_QUEUE_{queue}"


def step_state(state: str) -> str:
    """Return a step's state as the contract's."""
    return f"STEP_STATE_{state}"


def approval_state(state: str) -> str:
    """Return an approval's state as the contract's."""
    return f"APPROVAL_STATE_{state}"


def approval_decider(decider: str) -> str:
    """Return who decided as the contract's."""
    return f"APPROVAL_DECIDER_{decider}"


def approval_kind(kind: str) -> str:
    """Return what an approval is about as the contract's."""
    return f"APPROVAL_KIND_{kind}"


def risk(risk: str) -> str:
    """Return how much harm something may do as the contract's."""
    return f"RISK_{risk}"


def time(value: datetime | None) -> timestamp_pb2.Timestamp | None:
    """Return a moment as the contract's; None stays absent."""
    if value is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(value)
    return stamp


def failure(record: "FailureRecord") -> failure_pb2.Failure:
    """Return why something failed as the contract's."""
    return failure_pb2.Failure(
        reason=f"ERROR_REASON_{record.reason}",
        message=record.message,
        disposition=f"FAILURE_DISPOSITION_{record.disposition}",
    )


def commit(record: "CommitRecord", repository: "RepositoryRecord") -> task_pb2.Commit:
    """Return a commit as the contract's."""
    return task_pb2.Commit(sha=record.sha, branch=record.branch, repository_uri=repository.uri)


def progress(task: "TaskRecord") -> task_pb2.Progress:
    """Return where a task stands as the contract's."""
    open_goals = [step.goal_index for step in task.steps if step.state not in FINAL_STEPS]
    return task_pb2.Progress(
        node=f"GRAPH_NODE_{task.node}",
        goal_index=min(open_goals, default=max(len(task.goals) - 1, 0)),
        goal_count=len(task.goals),
        steps_done=len(task.steps) - len(open_goals),
        step_count=len(task.steps),
        message=task.message,
    )


def declaration(record: "Gives") -> result_pb2.ResultDeclaration:
    """Return what a step gives as the contract's."""
    return result_pb2.ResultDeclaration(name=record.name, type=f"RESULT_TYPE_{record.type}")


def result(record: "ResultRecord") -> result_pb2.Result:
    """Return what a run gave as the contract's."""
    return result_pb2.Result(
        name=record.name,
        type=f"RESULT_TYPE_{record.type}",
        size_bytes=record.size_bytes,
        sha256=record.sha256,
    )


def money(record: "MoneyRecord") -> money_pb2.Money:
    """Return an amount as the contract's."""
    return money_pb2.Money(**record.model_dump())


def duration(seconds: float) -> duration_pb2.Duration:
    """Return a length of time as the contract's."""
    message = duration_pb2.Duration()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def estimate(record: "EstimateRecord") -> estimate_pb2.Estimate:
    """Return what a plan will probably take as the contract's."""
    return estimate_pb2.Estimate(
        sequential_duration=duration(record.sequential_s),
        parallel_duration=duration(record.parallel_s),
        costs=[money(cost) for cost in record.costs],
        known_steps=record.known_steps,
        unknown_steps=record.unknown_steps,
    )


def step(record: "StepRecord") -> task_pb2.Step:
    """Return a step as the contract's."""
    message = task_pb2.Step(
        number=record.number,
        title=record.title,
        goal_index=record.goal_index,
        agent=record.agent,
        command_line=record.command_line,
        verify_command=record.verify_command,
        after=record.after,
        state=step_state(record.state),
        attempt=record.attempt,
        run=record.run,
        failure=failure(record.failure) if record.failure else None,
        changed_files=record.changed_files,
        start_time=time(record.start_time),
        end_time=time(record.end_time),
        breaking=record.breaking,
        iterations=record.iterations,
        waived=record.waived,
        omitted=record.omitted,
        retry_limit=record.retry_limit,
        retry_time=time(record.retry_time),
    )
    message.gives.extend(declaration(given) for given in record.gives)
    message.takes.extend(result_pb2.ResultSource(**taken.model_dump()) for taken in record.takes)
    message.results.extend(result(given) for given in record.results)
    message.costs.extend(money(cost) for cost in record.costs)
    if record.timeout_s is not None:
        message.timeout.FromSeconds(record.timeout_s)
    return message


def task(record: "TaskRecord") -> orchestrator_task_pb2.Task:
    """Return a task as the contract's."""
    repository = record.repository
    made = record.commit and record.commit.sha and repository
    return orchestrator_task_pb2.Task(
        name=record.name,
        title=record.title,
        state=task_state(record.state),
        instructions=record.instructions,
        repository=orchestrator_task_pb2.Repository(**repository.model_dump())
        if repository
        else None,
        approval_policy=f"APPROVAL_POLICY_{record.approval_policy}",
        goals=[orchestrator_task_pb2.Goal(title=goal) for goal in record.goals],
        steps=[step(item) for item in record.steps],
        progress=progress(record),
        failure=failure(record.failure) if record.failure else None,
        commit=commit(record.commit, repository) if made and record.commit and repository else None,
        attempt=record.attempt,
        create_time=time(record.create_time),
        update_time=time(record.update_time),
        start_time=time(record.start_time),
        end_time=time(record.end_time),
        etag=record.etag,
        submitter=record.submitter,
        escalation_policy=f"ESCALATION_POLICY_{record.escalation_policy}",
        approval=record.approval,
        max_parallel_steps=record.max_parallel_steps,
        failure_policy=f"FAILURE_POLICY_{record.failure_policy}",
        partial_success=record.partial_success,
        retry_time=time(record.wake_time),
        costs=[money(cost) for cost in record.costs],
        estimate=estimate(record.estimate) if record.estimate else None,
        plan_cached=record.plan_cached,
        complexity=record.complexity,
        queue=task_queue(record.queue),
        rank=record.rank,
        pending_message_count=len(record.inbox.pending),
        message_count=record.inbox.received,
    )


def tasks(records: Iterable["TaskRecord"]) -> list[orchestrator_task_pb2.Task]:
    """Return tasks as the contract's."""
    return [task(record) for record in records]
