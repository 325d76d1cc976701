"""`adjutant logs`, `patch`, `result` and `report`."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import mesh_command

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.cli.session import Session

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Its name, id, or the beginning of its id.")
]


async def logs(
    session: "Session",
    run: RunArgument,
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
) -> int:
    """Print what a run printed."""
    from services.cli.resolve import run_name

    name = await run_name(session, run)
    await _copy(session.adjutant.runs.logs(name, follow=follow))
    return exits.DONE


async def patch(session: "Session", run: RunArgument) -> int:
    """Print the change that a run made."""
    from services.cli.resolve import run_name

    await _copy(session.adjutant.runs.artifact(await run_name(session, run)))
    return exits.DONE


async def result(
    session: "Session",
    run: RunArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The result's name.")],
) -> int:
    """Print the value of a result that a run gave."""
    from services.cli.resolve import run_name

    await _copy(session.adjutant.runs.result(await run_name(session, run), name))
    return exits.DONE


async def _copy(pieces: "AsyncIterator[bytes]") -> None:
    async for piece in pieces:
        sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def report(
    message: Annotated[str, typer.Argument(help="What the job is doing.")] = "",
    percent: Annotated[
        float | None, typer.Option(min=0, max=100, help="How far the job is, 0 to 100.")
    ] = None,
    cost: Annotated[
        str, typer.Option(metavar="'1.25 EUR'", help="What the job has spent since its start.")
    ] = "",
) -> None:
    """Say, from within a run's own job, how far it is; with nothing, that it is alive."""
    from services.cli.session import run_session

    names = ("ADJUTANT_RUN", "ADJUTANT_REPORT_TOKEN", "ADJUTANT_RUNNER_ADDRESS")
    run, token, address = (os.environ.get(name, "") for name in names)
    if not (run and token and address):
        exits.complain("report works only inside a job that Adjutant started")
        raise typer.Exit(exits.BAD_USE)
    addresses = [f"agent_runner={each}" for each in address.split(",")]
    where = {"address": addresses, "client": "default", "project": "default"}
    values = {"run": run, "token": token, "message": message, "percent": percent, "cost": cost}
    raise typer.Exit(run_session(_report, where, values))


async def _report(
    session: "Session", run: str, token: str, message: str, percent: float | None, cost: str
) -> int:
    from services.cli.amounts import money_of

    runs = session.adjutant.runs
    spent = money_of(cost) if cost else None
    if await runs.report(run, token, percent=percent, message=message, cost=spent):
        exits.complain("this run is being cancelled; finish up")
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    mesh_command(app, "logs")(logs)
    mesh_command(app, "patch")(patch)
    mesh_command(app, "result")(result)
    app.command("report")(report)
