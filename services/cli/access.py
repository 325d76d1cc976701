"""`adjutant members`, `audit` and `whoami`."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command
from services.cli.scope import ROLES, AtOption, chosen, role_of

if TYPE_CHECKING:
    from services.cli.session import Session

KINDS: Final = (
    "authentication",
    "denial",
    "decision",
    "credential_use",
    "export",
    "deletion",
    "change",
)

PrincipalArgument = Annotated[
    str, typer.Argument(metavar="WHO", help="users/SUBJECT, the subject as in their token.")
]
RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help=", ".join(ROLES) + ".")]


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
    return session.print_all(found) if as_json else exits.DONE


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
    member = await session.adjutant.members.set(who, role_of(role), where)
    if as_json:
        return session.print_all([member])
    session.say(f"{member.principal} is {shown(member)} of {where}.")
    return exits.DONE


async def remove_member(session: "Session", who: PrincipalArgument, at: AtOption = "") -> int:
    """Take somebody out; what they have open ends."""
    from services.cli.scope import scope_name

    where = scope_name(session, at)
    await session.adjutant.members.remove(who, where)
    session.say(f"{who} has no role of its own at {where} any more.")
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
    from services.cli.tables import audit_lines, audit_table, fits

    terms = [f'kind = "{chosen(kind, KINDS).upper()}"'] if kind else []
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
        return session.print_all(found)
    if not found:
        session.say("Nothing of that kind is written down there.")
    elif fits(session.console, listed := audit_table(found)):
        session.console.print(listed)
    else:
        for entry in found:
            for line in audit_lines(entry):
                session.say(line)
    return exits.DONE


async def whoami(session: "Session", as_json: JsonOption = False) -> int:
    """Show who you are to the mesh, and where you may do what."""
    from services.cli.tables import show_identity

    found = await session.adjutant.identity.get()
    if as_json:
        return session.print_all([found])
    show_identity(session, found)
    return exits.DONE


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
    mesh_command(app, "audit")(audit)
    mesh_command(app, "whoami")(whoami)
