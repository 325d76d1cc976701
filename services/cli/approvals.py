"""`adjutant approvals`, `approve` and `deny`."""

from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from services.cli.session import Session

ApprovalArgument = Annotated[
    str, typer.Argument(metavar="APPROVAL", help="Its name, id, or the beginning of its id.")
]
ReasonOption = Annotated[str, typer.Option(help="Shown to whoever reads the outcome.")]


async def approvals(
    session: "Session",
    everything: Annotated[bool, typer.Option("--all", help="Those answered too.")] = False,
    as_json: JsonOption = False,
) -> int:
    """List what waits for an answer."""
    from services.cli.render import approvals_table

    wanted = "" if everything else 'state = "PENDING"'
    found = [one async for one in session.adjutant.approvals.list(filter=wanted)]
    if as_json:
        for one in found:
            session.print_json(one)
        return exits.DONE
    if not found:
        session.say("Nothing waits for an answer.")
        return exits.DONE
    session.console.print(approvals_table(found, shorten=session.console.is_terminal))
    waiting = [one for one in found if one.state.name == "PENDING"]
    if waiting:
        session.say(f"Answer: adjutant approve|deny {session.reference(waiting[0].name)}")
    return exits.DONE


async def approve(
    session: "Session",
    approval: ApprovalArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> int:
    """Say yes to exactly what is shown; the task goes on."""
    return await _decide(session, approval, reason, as_json, yes=True)


async def deny(
    session: "Session",
    approval: ApprovalArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> int:
    """Say no; the task fails with the reason given."""
    return await _decide(session, approval, reason, as_json, yes=False)


async def _decide(session: "Session", text: str, reason: str, as_json: bool, *, yes: bool) -> int:
    from services.cli.render import show_action
    from services.cli.resolve import approval_name

    service = session.adjutant.approvals
    shown = await service.get(await approval_name(session, text))
    if not as_json:
        show_action(session, shown)
    answer = service.approve if yes else service.deny
    decided = await answer(shown.name, digest=shown.action_digest, reason=reason)
    if as_json:
        session.print_json(decided)
    else:
        session.say(
            f"{decided.state.name}. Follow the task: adjutant watch "
            f"{session.reference(decided.task)}"
        )
    return exits.DONE


def register(app: typer.Typer) -> None:
    """Add these commands."""
    mesh_command(app, "approvals")(approvals)
    mesh_command(app, "approve")(approve)
    mesh_command(app, "deny")(deny)
