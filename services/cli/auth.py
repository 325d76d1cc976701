"""`adjutant auth`: it needs no mesh, and what it makes belongs to the services."""

import typer

from services.cli.local import become

_PASSED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": list[str](),
}


def auth(context: typer.Context) -> None:
    """Make keys, tokens and certificates of a mesh on this machine: see `adjutant auth --help`."""
    become("services.up.auth", context.args)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("auth", context_settings=_PASSED_ON)(auth)
