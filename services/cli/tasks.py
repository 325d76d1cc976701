"""`adjutant status`, `watch`, `cancel` and `retry`."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator.v1 import Task
    from services.cli.session import Session

TaskArgument = Annotated[
    str, typer.Argument(metavar="TASK", help="Its name, id, or the beginning of its id.")
]


async def status(
    session: "Session",
    task: Annotated[
        str | None, typer.Argument(metavar="TASK", help="One task; all of them unless given.")
    ] = None,
    as_json: JsonOption = False,
) -> int:
    """Show the tasks of the project, or one task with its steps."""
    from services.cli.render import show_task
    from services.cli.resolve import task_name

    if task is None:
        return await _status_of_all(session, as_json)
    found = await session.adjutant.tasks.get(await task_name(session, task))
    if as_json:
        session.print_json(found)
    else:
        show_task(session, found)
    return exits.DONE


async def _status_of_all(session: "Session", as_json: bool) -> int:
    from services.cli.render import tasks_table

    if as_json:
        async for one in session.adjutant.tasks.list():
            session.print_json(one)
        return exits.DONE
    tasks = [one async for one in session.adjutant.tasks.list()]
    if tasks:
        session.console.print(tasks_table(tasks, shorten=session.console.is_terminal))
    else:
        session.say("No task yet. Hand one in: adjutant new --plan FILE.md")
    return exits.DONE


async def watch(
    session: "Session",
    task: TaskArgument,
    cursor: Annotated[str, typer.Option(help="Go on after the frame with this cursor.")] = "",
    as_json: JsonOption = False,
) -> int:
    """Follow a task to its end: what was, and what happens."""
    from services.cli.follow import follow
    from services.cli.resolve import task_name

    return await follow(session, await task_name(session, task), cursor=cursor, as_json=as_json)


async def cancel(session: "Session", task: TaskArgument, as_json: JsonOption = False) -> int:
    """End a task; it is CANCELLED when none of its processes runs any more."""
    from services.cli.resolve import task_name

    ended = await session.adjutant.tasks.cancel(await task_name(session, task))
    return _told(session, ended, as_json)


async def retry(session: "Session", task: TaskArgument, as_json: JsonOption = False) -> int:
    """Run a failed or cancelled task again; the steps that succeeded are kept."""
    from services.cli.resolve import task_name

    queued = await session.adjutant.tasks.retry(await task_name(session, task))
    return _told(session, queued, as_json)


def _told(session: "Session", task: "Task", as_json: bool) -> int:
    if as_json:
        session.print_json(task)
    else:
        me = session.reference(task.name)
        session.say(f"Task {me} is {task.state.name}. Follow it: adjutant watch {me}")
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    mesh_command(app, "status")(status)
    mesh_command(app, "watch")(watch)
    mesh_command(app, "cancel")(cancel)
    mesh_command(app, "retry")(retry)
