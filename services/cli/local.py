"""Commands that need no mesh: `up`, `config`, and the demo."""

import importlib.util
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.cli import exits

_OF_SERVICES = ("grpc_health", "langgraph", "nats", "pydantic_settings")
"""Packages that come with the services and not with the client."""


def up(
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where everything is kept.  [env: ADJUTANT_DATA_DIR; ~/.adjutant]"),
    ] = None,
    port_base: Annotated[
        int | None,
        typer.Option(help="The first of the mesh's ports.  [env: ADJUTANT_PORT_BASE; 7400]"),
    ] = None,
    replicas: Annotated[
        int | None,
        typer.Option(help="Processes of each service.  [env: ADJUTANT_REPLICAS; 1]"),
    ] = None,
    single_process: Annotated[
        bool, typer.Option("--single-process", help="All services in one process.")
    ] = False,
) -> None:
    """Run a mesh on this machine until Ctrl-C: the event log and every service."""
    arguments = [] if data_dir is None else ["--data-dir", str(data_dir)]
    arguments += [] if port_base is None else ["--port-base", str(port_base)]
    arguments += [] if replicas is None else ["--replicas", str(replicas)]
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
    become("services.up", arguments)


def become(module: str, arguments: list[str]) -> None:
    """Become a program of the composition root, which alone knows every service."""
    if any(importlib.util.find_spec(package) is None for package in _OF_SERVICES):
        exits.complain("only the client is installed here; run: pip install 'adjutant[up]'")
        raise typer.Exit(exits.BAD_USE)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", module, *arguments])


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("up")(up)
    app.command("config")(config)
    app.command("demo", hidden=True)(demo)
