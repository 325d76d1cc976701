"""`adjutant keys`."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import ROLES, AtOption, role_of

if TYPE_CHECKING:
    from services.cli.session import Session

_SPAN: Final = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Its id or its full name.")]


async def list_keys(session: "Session", at: AtOption = "", as_json: JsonOption = False) -> int:
    """List the API keys there, revoked ones too."""
    from services.cli.scope import scope_name
    from services.cli.tables import keys_table

    found = [one async for one in session.adjutant.keys.list(scope_name(session, at))]
    if as_json:
        return session.print_all(found)
    if found:
        session.console.print(keys_table(found))
    else:
        session.say("No API key there. Make one: adjutant keys create --role agent")
    return exits.DONE


async def create_key(
    session: "Session",
    role: Annotated[str, typer.Option(help=", ".join(ROLES) + ".")],
    display_name: Annotated[str, typer.Option("--name", help="What it is for.")] = "",
    expires: Annotated[
        str,
        typer.Option(metavar="SPAN", help="When it ends, such as 12h or 30d; never unless given."),
    ] = "",
    permission: Annotated[
        list[str] | None,
        typer.Option(help="Narrow the role down to this, such as tasks_read; repeatable."),
    ] = None,
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Make an API key for a program, and show its token this once."""
    from adjutant_messages.adjutant.orchestrator.v1 import CreateApiKeyResponse
    from services.cli.scope import scope_name
    from services.cli.tables import show_key

    made = await session.adjutant.keys.create(
        role_of(role),
        scope_name(session, at),
        display_name=display_name,
        permissions=[_permission(text) for text in permission or ()],
        expire_time=_end(expires),
    )
    if as_json:
        answer = CreateApiKeyResponse(api_key=made.api_key, token=made.token)
        return session.print_all([answer])
    show_key(session, made.api_key)
    exits.note(
        "The token is shown this once and cannot be had again; keep it where secrets are kept."
    )
    print(made.token, flush=True)
    return exits.DONE


async def show_one_key(
    session: "Session", key: KeyArgument, at: AtOption = "", as_json: JsonOption = False
) -> int:
    """Show an API key, without its token."""
    from services.cli.tables import show_key

    found = await session.adjutant.keys.get(_key_name(session, key, at))
    if as_json:
        return session.print_all([found])
    show_key(session, found)
    return exits.DONE


async def revoke_key(
    session: "Session", key: KeyArgument, at: AtOption = "", as_json: JsonOption = False
) -> int:
    """End an API key, at once and for good."""
    ended = await session.adjutant.keys.revoke(_key_name(session, key, at))
    if as_json:
        return session.print_all([ended])
    session.say(f"{ended.name} is revoked; whatever uses it is refused from now on.")
    return exits.DONE


def _permission(text: str) -> Any:
    from adjutant_messages.adjutant.common.v1 import Permission

    try:
        return Permission.from_string(text.upper())
    except ValueError:
        raise exits.BadUseError(
            f"{text!r} is no permission; docs/access.md lists them, such as tasks_read"
        ) from None


def _end(text: str) -> datetime | None:
    """Return when something ends that lasts a span such as `30d`; None for never."""
    if not text:
        return None
    found = _SPAN.fullmatch(text)
    if not found:
        raise exits.BadUseError(f"--expires {text!r} is no span; write one such as 12h or 30d")
    return datetime.now(UTC) + timedelta(seconds=int(found[1]) * _SECONDS[found[2]])


def _key_name(session: "Session", key: str, at: str) -> str:
    from services.cli.scope import scope_name

    return key if "/" in key else f"{scope_name(session, at)}/apiKeys/{key}"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    keys = typer.Typer(
        help="API keys: the credentials of programs.", no_args_is_help=True, rich_markup_mode=None
    )
    mesh_command(keys, "list")(list_keys)
    mesh_command(keys, "create")(create_key)
    mesh_command(keys, "show")(show_one_key)
    mesh_command(keys, "revoke")(revoke_key)
    app.add_typer(keys, name="keys")
