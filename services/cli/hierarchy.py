"""`adjutant clients`, `groups` and `projects`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its id or its full name.")]
IdArgument = Annotated[
    str, typer.Argument(metavar="ID", help="Lower-case letters, digits and dashes, at most 63.")
]
DisplayOption = Annotated[str | None, typer.Option("--name", help="What people call it.")]
DescriptionOption = Annotated[str | None, typer.Option(help="What it is for.")]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        metavar="ask|approve|inherit",
        help="Who answers approvals of tasks that do not say: a person, or nobody need.",
    ),
]
ShareOption = Annotated[
    str | None,
    typer.Option(metavar="yes|no|inherit", help="Whether its group's projects see what it knows."),
]
ComplexityOption = Annotated[
    str | None,
    typer.Option(metavar="N|inherit", help="Plans more complex than this wait for an approval."),
]
ParallelOption = Annotated[
    str | None,
    typer.Option(
        "--max-parallel", metavar="N|inherit", help="Steps of one task that may run at once."
    ),
]
RuleOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A rule of approvals, as in cost-limit='5 EUR'; docs/approvals.md lists them.",
    ),
]
GroupOption = Annotated[
    str | None,
    typer.Option(metavar="GROUP", help="The group that it is in; an empty one for none."),
]
HELP = {
    "clients": "Customers or teams: nothing of one is ever seen by another.",
    "groups": "Groups of a client's projects, which share settings, connections and knowledge.",
    "projects": "Projects of a client: where work happens.",
}


def _sub_app(app: typer.Typer, collection: str) -> None:
    """Add the commands of clients, of groups or of projects."""
    noun = collection.removesuffix("s")
    sub = typer.Typer(help=HELP[collection], no_args_is_help=True, rich_markup_mode=None)

    async def show_all(session: "Session", as_json: JsonOption = False) -> int:
        from services.cli.tables import nodes_table

        found = [one async for one in getattr(session.adjutant, collection).list()]
        if as_json:
            for one in found:
                session.print_json(one)
        elif found:
            session.console.print(nodes_table(noun, found))
        else:
            session.say(f"No {noun} yet. Make one: adjutant {collection} create ID")
        return exits.DONE

    async def show(session: "Session", name: NameArgument, as_json: JsonOption = False) -> int:
        from services.cli.scope import node_name

        service = getattr(session.adjutant, collection)
        found = await service.get(node_name(session, collection, name))
        return _told(session, found, as_json)

    async def delete(session: "Session", name: NameArgument) -> int:
        from services.cli.scope import node_name

        whole = node_name(session, collection, name)
        await getattr(session.adjutant, collection).delete(whole)
        session.say(f"{whole} is removed; its id is not given again.")
        return exits.DONE

    show_all.__doc__ = "List them, newest first."
    show.__doc__ = f"Show one {noun}."
    delete.__doc__ = f"Remove a {noun} for good, once it holds nothing that goes on."
    mesh_command(sub, "list")(show_all)
    mesh_command(sub, "show")(show)
    mesh_command(sub, "create")(_create(collection))
    mesh_command(sub, "update")(_update(collection))
    mesh_command(sub, "delete")(delete)
    if collection == "projects":
        mesh_command(sub, "effective")(effective)
    app.add_typer(sub, name=collection)


def _create(collection: str) -> Any:
    async def create(
        session: "Session",
        new_id: IdArgument,
        display_name: DisplayOption = None,
        description: DescriptionOption = None,
        approval_policy: PolicyOption = None,
        share_knowledge: ShareOption = None,
        max_parallel_steps: ParallelOption = None,
        set_rules: RuleOption = None,
        plan_approval_complexity: ComplexityOption = None,
        as_json: JsonOption = False,
    ) -> int:
        return await _made(session, collection, locals())

    async def create_project(
        session: "Session",
        new_id: IdArgument,
        display_name: DisplayOption = None,
        description: DescriptionOption = None,
        approval_policy: PolicyOption = None,
        share_knowledge: ShareOption = None,
        max_parallel_steps: ParallelOption = None,
        plan_approval_complexity: ComplexityOption = None,
        group: GroupOption = None,
        set_rules: RuleOption = None,
        as_json: JsonOption = False,
    ) -> int:
        return await _made(session, collection, locals())

    create.__doc__ = f"Make a {collection.removesuffix('s')}."
    create_project.__doc__ = "Make a project."
    return create_project if collection == "projects" else create


def _update(collection: str) -> Any:
    async def update(
        session: "Session",
        name: NameArgument,
        display_name: DisplayOption = None,
        description: DescriptionOption = None,
        approval_policy: PolicyOption = None,
        share_knowledge: ShareOption = None,
        max_parallel_steps: ParallelOption = None,
        set_rules: RuleOption = None,
        plan_approval_complexity: ComplexityOption = None,
        as_json: JsonOption = False,
    ) -> int:
        return await _changed(session, collection, locals())

    async def update_project(
        session: "Session",
        name: NameArgument,
        display_name: DisplayOption = None,
        description: DescriptionOption = None,
        approval_policy: PolicyOption = None,
        share_knowledge: ShareOption = None,
        max_parallel_steps: ParallelOption = None,
        plan_approval_complexity: ComplexityOption = None,
        group: GroupOption = None,
        set_rules: RuleOption = None,
        as_json: JsonOption = False,
    ) -> int:
        return await _changed(session, collection, locals())

    update.__doc__ = f"Change what is given of a {collection.removesuffix('s')}."
    update_project.__doc__ = "Change what is given of a project."
    return update_project if collection == "projects" else update


async def _made(session: "Session", collection: str, given: dict[str, Any]) -> int:
    from services.cli.changes import values_and_paths

    values, _ = values_and_paths(session, given)
    made = await getattr(session.adjutant, collection).create(given["new_id"], **values)
    return _told(session, made, given["as_json"])


async def _changed(session: "Session", collection: str, given: dict[str, Any]) -> int:
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.changes import values_and_paths
    from services.cli.scope import node_name

    values, paths = values_and_paths(session, given)
    if not paths:
        raise exits.BadUseError("nothing to change was given; --help lists what can be")
    kind = {"clients": v1.Client, "groups": v1.Group, "projects": v1.Project}[collection]
    name = node_name(session, collection, given["name"])
    service = getattr(session.adjutant, collection)
    return _told(session, await service.update(name, kind(**values), paths), given["as_json"])


async def effective(
    session: "Session",
    name: Annotated[
        str, typer.Argument(metavar="[NAME]", help="Its id or full name; this one unless given.")
    ] = "",
    as_json: JsonOption = False,
) -> int:
    """Show what holds in a project, and who decided it: itself, its group or its client."""
    from services.cli.scope import node_name
    from services.cli.tables import show_effective

    whole = node_name(session, "projects", name) if name else session.adjutant.parent
    found = await session.adjutant.projects.effective(whole)
    if as_json:
        session.print_json(found)
    else:
        show_effective(session, found)
    return exits.DONE


def _told(session: "Session", node: Any, as_json: bool) -> int:
    from services.cli.tables import show_node

    if as_json:
        session.print_json(node)
    else:
        show_node(session, node)
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for collection in HELP:
        _sub_app(app, collection)
