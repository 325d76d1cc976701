"""The queues: what waits, and where."""

from typing import Final, Literal

from pydantic import Field

from adjutant.orchestrator.v1 import queue_service_pb2 as pb
from services.orchestrator.agents.capabilities.lines import PAGE, listed, task_line
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.queues.queues import Queues

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


def tools(queues: Queues) -> tuple[Tool, ...]:
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
            lambda asked: f"move the task {asked.task} to {_place(asked)}",
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


def _place(asked: MoveTask) -> str:
    return f"{asked.queue}, before {asked.before}" if asked.before else f"the end of {asked.queue}"
