"""`adjutant connections`: how projects reach protected repositories."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import AtOption, scope_name

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator.v1 import Connection
    from services.cli.session import Session

_NAME: Final = re.compile(
    r"clients/[a-z0-9-]{1,63}(/(groups|projects)/[a-z0-9-]{1,63})?/connections/[a-z0-9-]{1,63}"
)
_ID: Final = re.compile(r"[a-z0-9-]{1,63}")

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="What to call it, as in `github`.")]
NameArgument = Annotated[
    str, typer.Argument(metavar="CONNECTION", help="Its id, or its full name.")
]
SecretFileOption = Annotated[
    Path | None,
    typer.Option("--secret-file", help="File that holds the secret, `-` for standard input."),
]
UsernameOption = Annotated[
    str | None, typer.Option("--username", help="Sent with the secret.  [default: adjutant]")
]
TitleOption = Annotated[str | None, typer.Option("--title", help="What people call it.")]


async def create(
    session: "Session",
    connection: IdArgument,
    uri: Annotated[str, typer.Option("--uri", help="Repositories below this address use it.")],
    at: AtOption = "",
    username: UsernameOption = None,
    title: TitleOption = None,
    secret_file: SecretFileOption = None,
    as_json: JsonOption = False,
) -> int:
    """Make a connection; its secret is asked for, or read from standard input or a file."""
    made = await session.adjutant.connections.create(
        connection,
        parent=scope_name(session, at),
        uri_prefix=uri,
        username=username or "",
        display_name=title or "",
        secret=_read_secret(secret_file),
    )
    return _show(session, made, as_json)


async def list_connections(
    session: "Session", at: AtOption = "", as_json: JsonOption = False
) -> int:
    """List the connections of the project, or of what `--at` names; never their secrets."""
    from services.cli.tables import connections_table

    listed = session.adjutant.connections.list(parent=scope_name(session, at))
    found = [one async for one in listed]
    if as_json:
        for one in found:
            session.print_json(one)
    elif found:
        session.console.print(connections_table(found))
    else:
        session.say("There are none here. Make one: adjutant connections create ID --uri URI")
    return exits.DONE


async def show(
    session: "Session", connection: NameArgument, at: AtOption = "", as_json: JsonOption = False
) -> int:
    """Show a connection; its secret is shown to nobody."""
    found = await session.adjutant.connections.get(_name(session, connection, at))
    return _show(session, found, as_json)


async def update(
    session: "Session",
    connection: NameArgument,
    uri: Annotated[
        str | None, typer.Option("--uri", help="A new address; the secret is needed anew.")
    ] = None,
    username: UsernameOption = None,
    title: TitleOption = None,
    secret: Annotated[
        bool, typer.Option("--secret", help="Ask for a new secret, or read it from a pipe.")
    ] = False,
    secret_file: SecretFileOption = None,
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Change a connection."""
    if not secret and all(given is None for given in (uri, username, title, secret_file)):
        raise exits.BadUseError("nothing to change was given; --help lists what can be")
    wants_secret = secret or secret_file is not None or uri is not None
    changed = await session.adjutant.connections.update(
        _name(session, connection, at),
        uri_prefix=uri,
        username=username,
        display_name=title,
        secret=_read_secret(secret_file) if wants_secret else None,
    )
    return _show(session, changed, as_json)


async def delete(session: "Session", connection: NameArgument, at: AtOption = "") -> int:
    """Remove a connection and its secret."""
    name = _name(session, connection, at)
    await session.adjutant.connections.delete(name)
    session.say(f"{name} is gone.")
    return exits.DONE


def _read_secret(path: Path | None) -> str:
    """Return a secret from a file, a pipe or the keyboard: an argument would show in `ps`."""
    if path is not None and str(path) != "-":
        try:
            text = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise exits.BadUseError(f"the secret cannot be read from {path}: {error}") from None
    elif sys.stdin.isatty() and path is None:
        text = typer.prompt("Secret", hide_input=True, err=True)
    else:
        text = sys.stdin.read()
    secret = text.rstrip("\r\n")
    if not secret:
        raise exits.BadUseError("the secret is empty; type one, pipe one in, or use --secret-file")
    return secret


def _name(session: "Session", text: str, at: str) -> str:
    if _ID.fullmatch(text):
        return f"{scope_name(session, at)}/connections/{text}"
    if not _NAME.fullmatch(text):
        raise exits.BadUseError(
            f"{text!r} names no connection; `adjutant connections list` lists those of the project"
        )
    return text


def _show(session: "Session", connection: "Connection", as_json: bool) -> int:
    from services.cli.tables import show_connection

    if as_json:
        session.print_json(connection)
    else:
        show_connection(session, connection)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(help="How projects reach protected repositories.", no_args_is_help=True)
    mesh_command(group, "create")(create)
    mesh_command(group, "list")(list_connections)
    mesh_command(group, "show")(show)
    mesh_command(group, "update")(update)
    mesh_command(group, "delete")(delete)
    app.add_typer(group, name="connections")
