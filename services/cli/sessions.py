"""`adjutant sessions`: one's conversations with agents."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import chosen

if TYPE_CHECKING:
    from services.cli.session import Session

_FORMATS: Final = ("markdown", "json")

ChatArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="Its id, the beginning of it, or its full name.")
]


async def list_sessions(
    session: "Session",
    user: Annotated[
        str,
        typer.Option("--user", help="Whose, such as users/ada; '-' for everybody's, to owners."),
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """List your sessions in the project, the one that was used last first."""
    from services.cli.session_tables import sessions_table

    sessions = session.adjutant.sessions.list(user=user, order_by="update_time desc")
    found = [one async for one in sessions]
    if as_json:
        return session.print_all(found)
    if found:
        session.console.print(sessions_table(found, with_users=bool(user)))
    else:
        session.say("There are none.")
    return exits.DONE


async def show(
    session: "Session",
    chat: ChatArgument,
    limit: Annotated[
        int, typer.Option("--limit", min=1, help="How many messages, the latest of all.")
    ] = 20,
    as_json: JsonOption = False,
) -> int:
    """Show a session and what was said last in it."""
    from services.cli.resolve import session_name
    from services.cli.session_tables import show_message, show_session

    name = await session_name(session, chat)
    found = await session.adjutant.sessions.get(name)
    latest = []
    if found.message_count:
        async for message in session.adjutant.sessions.messages(name, page_size=min(limit, 500)):
            latest.append(message)
            if len(latest) == limit:
                break
    if as_json:
        return session.print_all([found, *reversed(latest)])
    show_session(session, found)
    for message in reversed(latest):
        show_message(session, message)
    return exits.DONE


async def rename(
    session: "Session",
    chat: ChatArgument,
    title: Annotated[str, typer.Argument(metavar="TITLE", help="What to call it.")],
) -> int:
    """Call a session something else."""
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.resolve import session_name

    name = await session_name(session, chat)
    changes = v1.Session(display_name=title)
    await session.adjutant.sessions.update(name, changes, ["display_name"])
    session.say(f"{name} is called {title!r} now.")
    return exits.DONE


async def delete(session: "Session", chat: ChatArgument) -> int:
    """Remove a session for good, with all that was said in it."""
    from services.cli.resolve import session_name

    name = await session_name(session, chat)
    await session.adjutant.sessions.delete(name)
    session.say(f"{name} is gone.")
    return exits.DONE


async def search(
    session: "Session",
    query: Annotated[
        list[str], typer.Argument(metavar="WORD…", help="Words, or their beginnings.")
    ],
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 20,
    as_json: JsonOption = False,
) -> int:
    """Find what was said in your sessions, newest first."""
    from services.cli.session_tables import show_match

    count = 0
    size = min(limit, 500)
    async for match in session.adjutant.sessions.search(" ".join(query), page_size=size):
        if as_json:
            session.print_json(match)
        else:
            show_match(session, match)
        count += 1
        if count == limit:
            break
    if not count and not as_json:
        session.say("Nothing that was said has these words.")
    return exits.DONE


async def export(
    session: "Session",
    chat: ChatArgument,
    format_name: Annotated[str, typer.Option("--format", help="markdown or json.")] = "markdown",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output unless given.")
    ] = None,
) -> int:
    """Write a whole session out, to read it (markdown) or to work on it (json)."""
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.resolve import session_name

    wanted = v1.ExportFormat.from_string(chosen(format_name, _FORMATS).upper())
    name = await session_name(session, chat)
    pieces = session.adjutant.sessions.export(name, wanted)
    if output is None:
        async for piece in pieces:
            sys.stdout.buffer.write(piece)
        return exits.DONE
    content = b"".join([piece async for piece in pieces])
    try:
        output.write_bytes(content)
    except OSError as error:
        raise exits.BadUseError(f"{output} cannot be written: {error.strerror}") from error
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="Your conversations with agents.", no_args_is_help=True)
    mesh_command(group, "list")(list_sessions)
    mesh_command(group, "show")(show)
    mesh_command(group, "rename")(rename)
    mesh_command(group, "delete")(delete)
    mesh_command(group, "search")(search)
    mesh_command(group, "export")(export)
    app.add_typer(group, name="sessions")
