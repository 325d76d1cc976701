"""Tasks: handing them in, looking at them, ending them."""

from typing import Final, Literal

from pydantic import Field

from adjutant.orchestrator.v1 import task_service_pb2 as pb
from services.mesh.names import collection_and_id
from services.orchestrator.agents.capabilities.lines import (
    PAGE,
    listed,
    quoted,
    task_called,
    task_line,
)
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.tasks.task import TASK_STATES, TaskRecord
from services.orchestrator.tasks.tasks import Tasks

_SERVICE: Final = "/adjutant.orchestrator.v1.TaskService"
_ENDED: Final = tuple(sorted(TASK_STATES.final))


class ListTasks(Arguments):
    """Which tasks."""

    which: Literal["all", "unfinished", "failed"] = "all"


class OneTask(Arguments):
    """A task."""

    task: str = Field(description="the task's id, as list_tasks gives it", max_length=300)


class SubmitTask(Arguments):
    """New work."""

    instructions: str = Field(
        description="a Markdown checklist: `- [ ] title` a step, and indented below it "
        "`run: command`; steps "
        "under one heading run side by side, those of the next heading after them",
        min_length=1,
    )
    title: str = Field("", description="empty: the checklist's heading", max_length=200)


def tools(tasks: Tasks) -> tuple[Tool, ...]:
    """Return the tools that work on tasks."""
    return (
        Tool(
            "list_tasks",
            "Lists the newest tasks of this project, with their ids and states.",
            ListTasks,
            f"{_SERVICE}/ListTasks",
            lambda hand, asked: _list(tasks, hand, asked),
        ),
        Tool(
            "get_task",
            "Tells of one task: its state, its steps and what became of them.",
            OneTask,
            f"{_SERVICE}/GetTask",
            lambda hand, asked: _get(tasks, hand, asked),
        ),
        Tool(
            "submit_task",
            "Hands in work as a task, which then runs by itself and tells here how it goes.",
            SubmitTask,
            f"{_SERVICE}/SubmitTask",
            lambda hand, asked: _submit(tasks, hand, asked),
            lambda hand, asked: _work(tasks, hand, asked),
        ),
        Tool(
            "cancel_task",
            "Has a task stopped.",
            OneTask,
            f"{_SERVICE}/CancelTask",
            lambda hand, asked: _cancel(tasks, hand, asked),
            lambda hand, asked: _stopping(tasks, hand, asked),
        ),
        Tool(
            "retry_task",
            "Runs a task again that failed or was cancelled.",
            OneTask,
            f"{_SERVICE}/RetryTask",
            lambda hand, asked: _retry(tasks, hand, asked),
            lambda hand, asked: _running_again(tasks, hand, asked),
        ),
    )


async def _list(tasks: Tasks, hand: Hand, asked: ListTasks) -> str:
    unfinished = " AND ".join(f'state != "{state}"' for state in _ENDED)
    chosen = {"all": "", "unfinished": unfinished, "failed": 'state = "FAILED"'}[asked.which]
    request = pb.ListTasksRequest(parent=hand.project, filter=chosen, page_size=PAGE)
    page = await hand.call(f"{_SERVICE}/ListTasks", request, tasks.page)
    noun = "task" if asked.which == "all" else f"{asked.which} task"
    lines = [task_line(task) for task in page.records]
    return listed(lines, noun, more=bool(page.next_page_token))


async def _get(tasks: Tasks, hand: Hand, asked: OneTask) -> str:
    request = pb.GetTaskRequest(name=hand.name("tasks", asked.task))
    task = await hand.call(f"{_SERVICE}/GetTask", request, lambda one: tasks.get(one.name))
    steps = [f"- {step.number}. {step.state}  {step.title}" for step in task.steps[:PAGE]]
    return "\n".join([task_line(task), *steps])


async def _submit(tasks: Tasks, hand: Hand, asked: SubmitTask) -> str:
    async def submit(one: pb.SubmitTaskRequest) -> TaskRecord:
        return await tasks.submit(one, session=hand.session)

    task = await hand.call(f"{_SERVICE}/SubmitTask", _request(hand, asked), submit)
    task_id = collection_and_id(task.name)[1]
    return f"Handed in “{task.title}” as the task {task_id}; it tells here how it goes."


async def _cancel(tasks: Tasks, hand: Hand, asked: OneTask) -> str:
    request = pb.CancelTaskRequest(name=hand.name("tasks", asked.task))
    task = await hand.call(f"{_SERVICE}/CancelTask", request, lambda one: tasks.cancel(one.name))
    return task_line(task)


async def _retry(tasks: Tasks, hand: Hand, asked: OneTask) -> str:
    name, request_id = hand.name("tasks", asked.task), hand.request_id
    request = pb.RetryTaskRequest(name=name, request_id=request_id)
    task = await hand.call(
        f"{_SERVICE}/RetryTask", request, lambda one: tasks.retry(one.name, one.request_id)
    )
    return task_line(task)


def _request(hand: Hand, asked: SubmitTask) -> pb.SubmitTaskRequest:
    return pb.SubmitTaskRequest(
        parent=hand.project,
        request_id=hand.request_id,
        title=asked.title,
        instructions=asked.instructions,
    )


async def _work(tasks: Tasks, hand: Hand, asked: SubmitTask) -> str:
    await hand.call(f"{_SERVICE}/SubmitTask", _request(hand, asked), tasks.check)
    title = f" {quoted(asked.title)}" if asked.title else ""
    return f"hand in this work as a task{title}:\n\n{asked.instructions.strip()}"


async def _stopping(tasks: Tasks, hand: Hand, asked: OneTask) -> str:
    return f"stop {await task_called(tasks, hand, asked.task)}"


async def _running_again(tasks: Tasks, hand: Hand, asked: OneTask) -> str:
    return f"run {await task_called(tasks, hand, asked.task)} again"
