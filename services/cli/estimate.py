"""`adjutant estimate`: what a plan would do and take, before it is handed in."""

from typing import TYPE_CHECKING

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.plan import ParallelOption, PlanOption, TextArgument, instructions

if TYPE_CHECKING:
    from services.cli.session import Session


async def estimate(
    session: "Session",
    text: TextArgument = None,
    plan: PlanOption = None,
    max_parallel: ParallelOption = 0,
    as_json: JsonOption = False,
) -> int:
    """Show the steps of a plan and what past runs say that they take; nothing is run."""
    from services.cli.estimates import show_estimate

    found = await session.adjutant.tasks.estimate(
        instructions(text, plan), max_parallel_steps=max_parallel
    )
    if as_json:
        session.print_json(found)
    else:
        show_estimate(session, found)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add the command."""
    mesh_command(app, "estimate")(estimate)
