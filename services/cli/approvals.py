"""`adjutant approvals`: what waits for a person, what became of it, and how that went."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session

_STATISTICS = "stats"


async def approvals(
    session: "Session",
    which: Annotated[
        str,
        typer.Argument(
            metavar="[APPROVAL|stats]",
            help="One to show with its history, or `stats` for how approvals ended.",
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Those answered too.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List what waits for an answer, show one approval, or say how they ended."""
    if which == _STATISTICS:
        return await _statistics(session, as_json)
    if which:
        return await _one(session, which, as_json)
    from services.cli.approval_view import approvals_table

    wanted = "" if everything else 'state = "PENDING"'
    found = [one async for one in session.adjutant.approvals.list(filter=wanted)]
    if as_json:
        for one in found:
            session.print_json(one)
        return exits.DONE
    if not found:
        session.say("Nothing waits for an answer.")
        return exits.DONE
    session.console.print(approvals_table(found, shorten=session.console.is_terminal))
    waiting = [one for one in found if one.state.name == "PENDING"]
    if waiting:
        me = session.reference(waiting[0].name)
        chooses = waiting[0].escalation is not None
        verb = f"choose {me} CHOICE" if chooses else f"approve|deny {me}"
        session.say(f"Answer: adjutant {verb}; look at it: adjutant approvals {me}")
    return exits.DONE


async def _one(session: "Session", which: str, as_json: bool) -> int:
    from services.cli.approval_view import show_approval
    from services.cli.resolve import approval_name

    found = await session.adjutant.approvals.get(await approval_name(session, which))
    if as_json:
        session.print_json(found)
    else:
        show_approval(session, found)
    return exits.DONE


async def _statistics(session: "Session", as_json: bool) -> int:
    from services.cli.approval_view import show_statistics

    found = await session.adjutant.approvals.statistics()
    if as_json:
        session.print_json(found)
    else:
        show_statistics(session, found)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add this command."""
    mesh_command(app, "approvals")(approvals)
