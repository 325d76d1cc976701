"""`adjutant trace`: what models and tools were asked, and what they answered."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_ID: Final = re.compile(r"[a-z0-9-]{1,63}")
_MLFLOW_PREFIX: Final = "tr-"

OfArgument = Annotated[
    str,
    typer.Argument(
        metavar="[OF]",
        help="A task, session, message or response, such as sessions/ID; else the project.",
    ),
]
TraceArgument = Annotated[
    str, typer.Argument(metavar="TRACE", help="Its id here or in MLflow, or its full name.")
]


async def list_traces(session: "Session", of: OfArgument = "", as_json: JsonOption = False) -> int:
    """List traces, the newest first."""
    from services.cli.trace_tables import traces_table

    found = [one async for one in session.adjutant.traces.list(_full(session, of))]
    if as_json:
        for one in found:
            session.print_json(one)
    elif found:
        session.console.print(traces_table(found))
    else:
        session.say("There are none.")
    return exits.DONE


async def show(session: "Session", trace: TraceArgument, as_json: JsonOption = False) -> int:
    """Show a trace and its calls; one that is not here is fetched from MLflow."""
    name = _name(session, trace)
    return await _show(session, await session.adjutant.traces.get(name), as_json)


async def refresh(session: "Session", trace: TraceArgument, as_json: JsonOption = False) -> int:
    """Fetch what MLflow has of a trace, and show it."""
    name = _name(session, trace)
    return await _show(session, await session.adjutant.traces.refresh(name), as_json)


async def call(
    session: "Session",
    trace: TraceArgument,
    call: Annotated[str, typer.Argument(metavar="CALL", help="Its id.")],
    as_json: JsonOption = False,
) -> int:
    """Show a call with its texts."""
    from services.cli.trace_tables import show_call

    found = await session.adjutant.traces.call(f"{_name(session, trace)}/calls/{call}")
    if as_json:
        session.print_json(found)
    else:
        show_call(session, found)
    return exits.DONE


async def export(session: "Session", of: OfArgument = "") -> int:
    """Print traces as JSON lines that MLflow's Trace.from_json reads."""
    async for piece in session.adjutant.traces.export(_full(session, of)):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return exits.DONE


async def _show(session: "Session", trace: "v1.Trace", as_json: bool) -> int:
    from services.cli.trace_tables import calls_table, show_trace

    calls = [one async for one in session.adjutant.traces.calls(trace.name)]
    if as_json:
        session.print_json(trace)
        for one in calls:
            session.print_json(one)
    else:
        show_trace(session, trace)
        session.console.print(calls_table(calls))
    return exits.DONE


def _full(session: "Session", text: str) -> str:
    """Return a full name; one that begins with no client is in the project."""
    if not text or text.startswith("clients/"):
        return text
    return f"{session.adjutant.parent}/{text}"


def _name(session: "Session", text: str) -> str:
    if "/" in text:
        return _full(session, text)
    trace_id = text.removeprefix(_MLFLOW_PREFIX)
    if not _ID.fullmatch(trace_id):
        raise exits.BadUseError(f"{text!r} names no trace; `adjutant trace list` lists them")
    return f"{session.adjutant.parent}/traces/{trace_id}"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        help="What models and tools were asked, and what they answered.", no_args_is_help=True
    )
    mesh_command(group, "list")(list_traces)
    mesh_command(group, "show")(show)
    mesh_command(group, "call")(call)
    mesh_command(group, "refresh")(refresh)
    mesh_command(group, "export")(export)
    app.add_typer(group, name="trace")
