"""What the agent runner is asked to do."""

from adjutant.agent_runner.v1 import run_pb2
from adjutant.common.v1 import run_pb2 as states
from services.mesh.store import now
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.outcome import take_in
from services.orchestrator.tasks.runspec import begin_attempt, step_spec
from services.orchestrator.tasks.step import StepRecord
from services.orchestrator.tasks.steps import move_step
from services.orchestrator.tasks.task import RepositoryRecord, TaskRecord

SETTINGS = OrchestratorSettings()


def _task() -> TaskRecord:
    time = now()
    steps = [StepRecord(number=n, title=f"s{n}", goal_index=0, agent="command") for n in (1, 2, 3)]
    steps[2].after = [1, 2]
    return TaskRecord(
        name="clients/a/projects/b/tasks/t",
        create_time=time,
        update_time=time,
        news_time=time,
        title="t",
        instructions="",
        state="WAITING_FOR_AGENT",
        repository=RepositoryRecord(uri="/somewhere", revision="main"),
        steps=steps,
    )


def _begin(task: TaskRecord, number: int) -> StepRecord:
    step = task.steps[number - 1]
    begin_attempt(task, step)
    move_step(task, step, "RUNNING")
    return step


def _succeed(task: TaskRecord, step: StepRecord) -> None:
    run = run_pb2.Run(name=step.run, state=states.RUN_STATE_SUCCEEDED, base_sha="abc")
    assert take_in(task, step.run, run, SETTINGS)


def test_an_attempt_asks_for_the_same_however_often_it_asks() -> None:
    task = _task()
    slow, quick = _begin(task, 1), _begin(task, 2)
    asked = step_spec(task, slow)
    _succeed(task, quick)
    assert step_spec(task, slow) == asked
    assert asked.workspace.revision == "main"


def test_what_begins_later_starts_from_the_commit_that_the_first_run_found() -> None:
    task = _task()
    first, second = _begin(task, 1), _begin(task, 2)
    _succeed(task, first)
    _succeed(task, second)
    assert step_spec(task, _begin(task, 3)).workspace.revision == "abc"
