"""The queues: what waits, and where."""

from typing import Final, Literal

from pydantic import Field

from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from services.orchestrator.agents.capabilities.lines import PAGE, listed, task_called, task_line
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.queues.queues import Queues
from services.orchestrator.tasks.tasks import Tasks

_SERVICE: Final = "/adjutant.orchestrator.v1.QueueService"
Line = Literal["FOREGROUND", "BACKGROUND"]


class ListQueue(Arguments):
    """Which queue."""

    queue: Line = "FOREGROUND"


class MoveTask(Arguments):
    """Where a task is to wait."""

    task: str = Field(description="the task's id, as list_queue gives it", max_length=300)
    queue: Line
    before: str = Field("", description="id of the task to stand before; empty: at the end")


def tools(queues: Queues, tasks: Tasks) -> tuple[Tool, ...]:
    """Return the tools that work on the queues."""
    return (
        Tool(
            "list_queue",
            "Lists the tasks that wait for their turn, the next one first.",
            ListQueue,
            f"{_SERVICE}/ListQueue",
            lambda hand, asked: _list(queues, hand, asked),
        ),
        Tool(
            "move_task",
            "Puts a waiting task into a queue, or elsewhere in it.",
            MoveTask,
            f"{_SERVICE}/MoveTask",
            lambda hand, asked: _move(queues, hand, asked),
            lambda hand, asked: _moving(tasks, hand, asked),
        ),
    )


async def _list(queues: Queues, hand: Hand, asked: ListQueue) -> str:
    queue = f"TASK_QUEUE_{asked.queue}"
    request = pb.ListQueueRequest(parent=hand.project, queue=queue, page_size=PAGE)
    page = await hand.call(f"{_SERVICE}/ListQueue", request, queues.page)
    lines = [task_line(task) for task in page.records]
    return listed(lines, "waiting task", more=bool(page.next_page_token))


async def _move(queues: Queues, hand: Hand, asked: MoveTask) -> str:
    request = pb.MoveTaskRequest(
        name=hand.name("tasks", asked.task),
        queue=f"TASK_QUEUE_{asked.queue}",
        before=hand.name("tasks", asked.before) if asked.before else "",
    )
    moved = await hand.call(f"{_SERVICE}/MoveTask", request, queues.move)
    return f"It waits in {moved.queue}: {task_line(moved)}"


async def _moving(tasks: Tasks, hand: Hand, asked: MoveTask) -> str:
    moved = await task_called(tasks, hand, asked.task)
    if not asked.before:
        return f"move {moved} to the end of {asked.queue}"
    return f"move {moved} to {asked.queue}, before {await task_called(tasks, hand, asked.before)}"
