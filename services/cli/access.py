"""`adjutant members`, `keys`, `audit` and `whoami`."""

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import AtOption

if TYPE_CHECKING:
    from services.cli.session import Session

ROLES: Final = ("owner", "editor", "viewer", "agent")
KINDS: Final = (
    "authentication",
    "denial",
    "decision",
    "credential_use",
    "export",
    "deletion",
    "change",
)
_SPAN: Final = re.compile(r"(\d{1,6})([smhdw])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

PrincipalArgument = Annotated[
    str, typer.Argument(metavar="WHO", help="users/SUBJECT, the subject as in their token.")
]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=", ".join(ROLES) + ".")]
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="Its id or its full name.")]


async def list_members(session: "Session", at: AtOption = "", as_json: JsonOption = False) -> int:
    """List who has a role there; roles from further up are listed further up."""
    from services.cli.scope import scope_name
    from services.cli.tables import members_table

    where = scope_name(session, at)
    found = [one async for one in session.adjutant.members.list(where)]
    if found and not as_json:
        session.console.print(members_table(found))
    elif not as_json:
        session.say(f"{where} has no members of its own.")
    return _as_json(session, found) if as_json else exits.DONE


async def set_member(
    session: "Session",
    who: PrincipalArgument,
    role: RoleArgument,
    at: AtOption = "",
    as_json: JsonOption = False,
) -> int:
    """Give somebody a role there and below, in place of the one they had there."""
    from services.cli.scope import scope_name
    from services.cli.tables import role as shown

    where = scope_name(session, at)
    member = await session.adjutant.members.set(who, _role(role), where)
    if as_json:
        return _as_json(session, [member])
    session.say(f"{member.principal} is {shown(member)} of {where}.")
    return exits.DONE


async def remove_member(session: "Session", who: PrincipalArgument, at: AtOption = "") -> int:
    """Take somebody out; what they have open ends."""
    from services.cli.scope import scope_name

    where = scope_name(session, at)
    await session.adjutant.members.remove(who, where)
    session.say(f"{who} has no role of its own at {where} any more.")
    return exits.DONE


async def list_keys(session: "Session", at: AtOption = "", as_json: JsonOption = False) -> int:
    """List the API keys there, revoked ones too."""
    from services.cli.scope import scope_name
    from services.cli.tables import keys_table

    found = [one async for one in session.adjutant.keys.list(scope_name(session, at))]
    if as_json:
        return _as_json(session, found)
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
    from services.cli.scope import scope_name
    from services.cli.tables import show_key

    made = await session.adjutant.keys.create(
        _role(role),
        scope_name(session, at),
        display_name=display_name,
        permissions=[_permission(text) for text in permission or ()],
        expire_time=_end(expires),
    )
    if as_json:
        _as_json(session, [made.api_key])
    else:
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
        return _as_json(session, [found])
    show_key(session, found)
    return exits.DONE


async def revoke_key(
    session: "Session", key: KeyArgument, at: AtOption = "", as_json: JsonOption = False
) -> int:
    """End an API key, at once and for good."""
    ended = await session.adjutant.keys.revoke(_key_name(session, key, at))
    if as_json:
        return _as_json(session, [ended])
    session.say(f"{ended.name} is revoked; whatever uses it is refused from now on.")
    return exits.DONE


async def audit(
    session: "Session",
    kind: Annotated[str, typer.Option(metavar="KIND", help=", ".join(KINDS) + ".")] = "",
    only: Annotated[
        str, typer.Option("--filter", help="""As in 'principal = "users/ada"'.""")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 50,
    at: Annotated[
        str,
        typer.Option(
            metavar="WHERE",
            help="client, projects/ID, a full name, or mesh; the project unless given.",
        ),
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """Show who did what, or tried to."""
    from services.cli.scope import scope_name
    from services.cli.tables import audit_table

    terms = [f'kind = "{_chosen(kind, KINDS).upper()}"'] if kind else []
    terms += [only] if only else []
    where = at if at == "mesh" else scope_name(session, at)
    found: list[Any] = []
    size = min(limit, 500)
    async for entry in session.adjutant.audit.list(
        where, filter=" AND ".join(terms), page_size=size
    ):
        found.append(entry)
        if len(found) == limit:
            break
    if as_json:
        return _as_json(session, found)
    if found:
        session.console.print(audit_table(found))
    else:
        session.say("Nothing of that kind is written down there.")
    return exits.DONE


async def whoami(session: "Session", as_json: JsonOption = False) -> int:
    """Show who you are to the mesh, and where you may do what."""
    from services.cli.tables import show_identity

    found = await session.adjutant.identity.get()
    if as_json:
        return _as_json(session, [found])
    show_identity(session, found)
    return exits.DONE


def _as_json(session: "Session", found: list[Any]) -> int:
    for one in found:
        session.print_json(one)
    return exits.DONE


def _chosen(text: str, choices: tuple[str, ...]) -> str:
    if text.lower() not in choices:
        raise exits.BadUseError(f"{text!r} is none of {', '.join(choices)}")
    return text.lower()


def _role(text: str) -> Any:
    from adjutant_messages.adjutant.common.v1 import Role

    return Role.from_string(_chosen(text, ROLES).upper())


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
    members = typer.Typer(
        help="Who may do what: roles on clients, groups and projects.",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    mesh_command(members, "list")(list_members)
    mesh_command(members, "set")(set_member)
    mesh_command(members, "remove")(remove_member)
    app.add_typer(members, name="members")
    keys = typer.Typer(
        help="API keys: the credentials of programs.", no_args_is_help=True, rich_markup_mode=None
    )
    mesh_command(keys, "list")(list_keys)
    mesh_command(keys, "create")(create_key)
    mesh_command(keys, "show")(show_one_key)
    mesh_command(keys, "revoke")(revoke_key)
    app.add_typer(keys, name="keys")
    mesh_command(app, "audit")(audit)
    mesh_command(app, "whoami")(whoami)
