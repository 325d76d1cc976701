"""`adjutant auth`: keys, tokens and certificates of a mesh on this machine."""

from collections.abc import Callable
from typing import Final

import typer

from services.cli import master_key
from services.cli.local import become

_LOCAL: Final = {
    "init": "Make the secrets of a mesh that are missing, before its first start.",
    "token": "Say where the owner's token is; --show prints it.",
    "rotate-owner-token": "Make another owner's token; the one before ends at once.",
    "certificates": "Make the mesh's authority, and a certificate for each service.",
    "certificate": "Make a certificate for one person or service.",
    "jwt": "Mint a JWT of an issuer on this machine, for trying.",
}
"""Commands that need no mesh: what they make belongs to the services, which have the code."""
_PASSED_ON: Final = {
    "allow_extra_args": True,
    "ignore_unknown_options": True,
    "help_option_names": list[str](),
}


def _passing(name: str) -> Callable[[typer.Context], None]:
    def command(context: typer.Context) -> None:
        become("services.up.auth", [name, *context.args])

    return command


def register(app: typer.Typer) -> None:
    """Add these commands."""
    auth = typer.Typer(
        help="Keys, tokens and certificates of a mesh on this machine.", no_args_is_help=True
    )
    for name, text in _LOCAL.items():
        auth.command(name, help=text, context_settings=_PASSED_ON)(_passing(name))
    master_key.register(auth)
    app.add_typer(auth, name="auth")
