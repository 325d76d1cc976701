"""`adjutant events`: everything that happens in the project."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from adjutant_messages.adjutant.event.v1 import EventKind
    from services.cli.session import Session


async def events(
    session: "Session",
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only this kind, as in run-state-changed; repeatable."),
    ] = None,
    cursor: Annotated[str, typer.Option(help="Go on after the frame with this cursor.")] = "",
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin with the oldest event there is.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """Print what happens from now on, from a cursor, or from the start; Ctrl-C ends it."""
    import asyncio

    from services.cli.lines import frame_line

    last = cursor
    stream = session.adjutant.subscriptions.subscribe(
        kinds=[_kind(text) for text in kind or ()], cursor=cursor, from_start=from_start
    )
    try:
        async for frame in stream:
            last = frame.cursor or last
            if as_json:
                session.print_json(frame)
            elif line := frame_line(frame):
                session.console.print(line, soft_wrap=True)
    except asyncio.CancelledError:
        if last and not as_json:
            session.say(f"Go on from here: adjutant events --cursor {last}")
        return exits.INTERRUPTED
    return exits.DONE


def _kind(text: str) -> "EventKind":
    from adjutant_messages.adjutant.event.v1 import EventKind

    name = text.upper().replace("-", "_").removeprefix("EVENT_KIND_")
    known = {kind.name: kind for kind in EventKind if kind.value}
    if name not in known:
        shown = ", ".join((name or "").lower().replace("_", "-") for name in known)
        raise exits.BadUseError(f"there is no event kind {text!r}; there are {shown}")
    return known[name]


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "events")(events)
