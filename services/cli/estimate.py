"""`adjutant estimate`: what a plan would do and take, before it is handed in."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session


async def estimate(
    session: "Session",
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT", help="What to do: a Markdown checklist.", show_default=False
        ),
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(metavar="FILE.md", help="The plan, a file; - is stdin."),
    ] = None,
    max_parallel: Annotated[
        int, typer.Option(min=0, max=1000, help="Steps at once; 0 is what the project says.")
    ] = 0,
    as_json: JsonOption = False,
) -> int:
    """Show the steps of a plan and what past runs say that they take; nothing is run."""
    from services.cli.estimates import show_estimate
    from services.cli.new import instructions

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
