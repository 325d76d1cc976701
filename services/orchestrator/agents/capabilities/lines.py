"""How tools tell of things: a line each, which models and people read alike."""

from collections.abc import Sequence
from typing import Final

from adjutant.orchestrator.v1 import task_service_pb2
from services.mesh.names import collection_and_id
from services.orchestrator.agents.tool import Hand
from services.orchestrator.tasks.task import TaskRecord
from services.orchestrator.tasks.tasks import Tasks

PAGE = 50
"""Things of a list that a tool tells of."""
_GET_TASK: Final = "/adjutant.orchestrator.v1.TaskService/GetTask"


def task_line(task: TaskRecord) -> str:
    """Return a task in one line."""
    failure = f" ({task.failure.message})" if task.failure else ""
    return f"{collection_and_id(task.name)[1]}  {task.state}  {task.title}{failure}"


def listed(lines: Sequence[str], noun: str, *, more: bool) -> str:
    """Return a list with its count, and whether there is more of it."""
    if not lines:
        return f"No {noun}s."
    plural = "s" if len(lines) > 1 else ""
    first = f"The first {len(lines)}" if more else str(len(lines))
    return "\n".join([f"{first} {noun}{plural}:", *(f"- {line}" for line in lines)])


async def task_called(tasks: Tasks, hand: Hand, task: str) -> str:
    """Return what people call a task, and how it is, given its id or name. NOT_FOUND.

    Whoever may not look at tasks is told no more than they said.
    """
    name = hand.name("tasks", task)
    if not await hand.may(_GET_TASK):
        return f"the task {collection_and_id(name)[1]}"
    request = task_service_pb2.GetTaskRequest(name=name)
    found = await hand.call(_GET_TASK, request, lambda one: tasks.get(one.name))
    return f"the task {quoted(found.title)} ({collection_and_id(name)[1]}, {found.state})"


def quoted(title: str) -> str:
    """Return what somebody called something, on one line: it must not pass for more than that."""
    return f"“{' '.join(title.split())}”"
