"""`adjutant queue` and `adjutant tell`: who waits where, and what tasks are told."""

import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.tasks import TaskArgument

if TYPE_CHECKING:
    from adjutant_messages.adjutant.common.v1 import TaskQueue
    from services.cli.session import Session

_QUEUES: Final = ("foreground", "background")
_STANDARD_INPUT: Final = "-"


async def show(session: "Session", as_json: JsonOption = False) -> int:
    """Show both queues: the tasks that wait for a slot, the next one first."""
    from services.cli.render import queue_table

    tables = []
    for queue in _QUEUES:
        waiting = [task async for task in session.adjutant.queues.list(_queue(queue))]
        for task in waiting if as_json else ():
            session.print_json(task)
        if waiting:
            tables.append(queue_table(queue, waiting, shorten=session.console.is_terminal))
    if as_json:
        return exits.DONE
    for table in tables:
        session.console.print(table)
    if not tables:
        session.say("Nothing waits for a slot. What is under way: adjutant status")
    return exits.DONE


async def move(
    session: "Session",
    task: TaskArgument,
    to: Annotated[
        str, typer.Option(metavar="QUEUE", help="foreground or background; its own unless given.")
    ] = "",
    before: Annotated[
        str, typer.Option(metavar="TASK", help="The task of that queue to stand before.")
    ] = "",
    first: Annotated[bool, typer.Option("--first", help="To the front.")] = False,
    last: Annotated[bool, typer.Option("--last", help="To the end.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Put a task that waits elsewhere: into the other queue, or to another place."""
    from services.cli.resolve import task_name

    if bool(before) + first + last > 1:
        raise exits.BadUseError("say one place: --before TASK, --first or --last")
    if not (to or before or first or last):
        raise exits.BadUseError("say where to: --to QUEUE, --before TASK, --first or --last")
    if to and to not in _QUEUES:
        raise exits.BadUseError(f"{to!r} is no queue; there are {' and '.join(_QUEUES)}")
    queues, name = session.adjutant.queues, await task_name(session, task)
    queue = _queue(to) if to else (await session.adjutant.tasks.get(name)).queue
    place = await task_name(session, before) if before else ""
    if first:
        place = await _first_but(session, queue, name)
    # To the end of a queue that it is in already is an order, not a move.
    moved = await (
        queues.reorder(name) if last and not to else queues.move(name, queue, before=place)
    )
    if last and to:
        moved = await queues.reorder(name)
    if as_json:
        session.print_json(moved)
    else:
        place_name = (moved.queue.name or "").lower()
        session.say(f"Task {session.reference(name)} waits in the {place_name}: adjutant queue")
    return exits.DONE


async def tell(
    session: "Session",
    task: TaskArgument,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help="What to tell it; a Markdown checklist adds steps; - or nothing is stdin.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Tell a task something while it is being worked on."""
    from services.cli.resolve import task_name

    said = _read() if text in (None, _STANDARD_INPUT) else str(text)
    if not said.strip():
        raise exits.BadUseError("there is nothing to tell; say it as TEXT, or pipe it in")
    sent = await session.adjutant.messages.send(await task_name(session, task), said)
    if as_json:
        session.print_json(sent)
        return exits.DONE
    me = session.reference(sent.name.partition("/messages/")[0])
    adds = f" and adds {_steps(sent.steps_added)}" if sent.steps_added else ""
    session.say(f"Message {sent.number} to task {me} is {sent.state.name}{adds}.")
    return exits.DONE


def _steps(numbers: list[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"step {listed}" if len(numbers) == 1 else f"steps {listed}"


def _read() -> str:
    if sys.stdin.isatty():
        raise exits.BadUseError("say what to tell the task: a TEXT, or pipe it in")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise exits.BadUseError("what was piped in is no UTF-8 text") from error


def _queue(name: str) -> "TaskQueue":
    from adjutant_messages.adjutant.common.v1 import TaskQueue

    return TaskQueue[name.upper()]


async def _first_but(session: "Session", queue: "TaskQueue", name: str) -> str:
    """Return the first task of a queue that is another one; empty where there is none."""
    async for task in session.adjutant.queues.list(queue, page_size=2):
        if task.name != name:
            return task.name
    return ""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Who waits for a slot, and in which order.", rich_markup_mode=None)
    app.add_typer(group, name="queue")
    mesh_command(group, "")(show)
    mesh_command(group, "move")(move)
    mesh_command(app, "tell")(tell)
