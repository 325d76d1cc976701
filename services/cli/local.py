"""Commands that need no mesh: `up`, `config`, and the demo."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where everything is kept.  [env: ADJUTANT_DATA_DIR; ~/.adjutant]"),
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option(help="The first of the mesh's ports.  [env: ADJUTANT_PORT_BASE; 7400]"),
    ] = None,
    single_process: Annotated[
        bool, typer.Option("--single-process", help="All services in one process.")
    ] = False,
) -> None:
    """Run a mesh on this machine until Ctrl-C: the event log and every service."""
    arguments = [] if data_dir is None else ["--data-dir", str(data_dir)]
    arguments += [] if port_base is None else ["--port-base", str(port_base)]
    arguments += ["--single-process"] if single_process else []
    _become_up(arguments)


def config() -> None:
    """Print every setting: its variable, its value and what it means."""
    _become_up(["--print-config"])


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave its directory for a look.")] = False,
) -> None:
    """Show the whole way of a task on a mesh of its own, in under a minute."""
    from services.cli.demo import main

    raise typer.Exit(main(keep=keep))


def _become_up(arguments: list[str]) -> None:
    """Become the composition root, which alone knows every service."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "services.up", *arguments])


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("up")(up)
    app.command("config")(config)
    app.command("demo", hidden=True)(demo)
