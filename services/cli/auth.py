"""`adjutant auth`: what it makes belongs to the services; one of its commands needs a mesh."""

import typer

from services.cli import master_key
from services.cli.local import become

_PASSED_ON = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": list[str](),
}


def auth(context: typer.Context) -> None:
    """Make keys, tokens and certificates of a mesh on this machine: see `adjutant auth --help`."""
    if context.args[:1] == [master_key.NAME]:
        raise typer.Exit(master_key.run(context.args[1:]))
    become("services.up.auth", context.args)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("auth", context_settings=_PASSED_ON)(auth)
