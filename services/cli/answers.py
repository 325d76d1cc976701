"""`adjutant approve`, `deny` and `choose`."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import exits
from services.cli.command import JsonOption, mesh_command

if TYPE_CHECKING:
    from adjutant_messages.adjutant.orchestrator.v1 import Approval, CommitEdit, DecisionResult
    from services.cli.session import Session

ApprovalArgument = Annotated[
    str, typer.Argument(metavar="APPROVAL", help="Its name, id, or the beginning of its id.")
]
ApprovalsArgument = Annotated[
    list[str],
    typer.Argument(metavar="APPROVAL...", help="Names, ids, or the beginnings of ids."),
]
ReasonOption = Annotated[str, typer.Option(help="Shown to whoever reads the outcome.")]
MessageOption = Annotated[
    str, typer.Option("--edit-message", metavar="TEXT", help="Commit with this message instead.")
]
BranchOption = Annotated[
    str, typer.Option("--branch", metavar="BRANCH", help="Commit to this branch instead.")
]
MOST = 100
"""Answers that one call takes."""


async def approve(
    session: "Session",
    approvals: ApprovalsArgument,
    reason: ReasonOption = "",
    edit_message: MessageOption = "",
    branch: BranchOption = "",
    as_json: JsonOption = False,
) -> int:
    """Say yes to exactly what is shown, or to what you edit; the task goes on."""
    edit = _edit(edit_message, branch)
    if len(approvals) > 1:
        if edit:
            raise exits.BadUseError("--edit-message and --branch edit one approval at a time")
        return await _decide_many(session, approvals, reason, as_json, yes=True)

    async def answer(shown: "Approval") -> "Approval":
        service, digest = session.adjutant.approvals, shown.action_digest
        return await service.approve(shown.name, digest=digest, reason=reason, edit=edit)

    return await _decide(session, approvals[0], answer, as_json)


async def deny(
    session: "Session",
    approvals: ApprovalsArgument,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> int:
    """Say no; the task fails with the reason given."""
    if len(approvals) > 1:
        return await _decide_many(session, approvals, reason, as_json, yes=False)

    async def answer(shown: "Approval") -> "Approval":
        service = session.adjutant.approvals
        return await service.deny(shown.name, digest=shown.action_digest, reason=reason)

    return await _decide(session, approvals[0], answer, as_json)


async def choose(
    session: "Session",
    approval: ApprovalArgument,
    choice: Annotated[str, typer.Argument(metavar="CHOICE", help="One of those it offers.")],
    reason: ReasonOption = "",
    edit_message: MessageOption = "",
    branch: BranchOption = "",
    as_json: JsonOption = False,
) -> int:
    """Choose how a task goes on that cannot by itself."""
    edit = _edit(edit_message, branch)

    async def answer(shown: "Approval") -> "Approval":
        service, digest = session.adjutant.approvals, shown.action_digest
        return await service.choose(shown.name, choice, digest=digest, reason=reason, edit=edit)

    return await _decide(session, approval, answer, as_json)


def _edit(message: str, branch: str) -> "CommitEdit | None":
    from adjutant_messages.adjutant.orchestrator.v1 import CommitEdit

    return CommitEdit(message=message, branch=branch) if message or branch else None


async def _decide(
    session: "Session",
    text: str,
    answer: Callable[["Approval"], Awaitable["Approval"]],
    as_json: bool,
) -> int:
    from services.cli.approval_view import show_action
    from services.cli.resolve import approval_name

    shown = await session.adjutant.approvals.get(await approval_name(session, text))
    if not as_json:
        show_action(session, shown)
    decided = await answer(shown)
    if as_json:
        session.print_json(decided)
        return exits.DONE
    follow = f" Follow the task: adjutant watch {session.reference(decided.task)}"
    session.say(f"{decided.state.name}." + (follow if decided.task else ""))
    return exits.DONE


async def _decide_many(
    session: "Session", texts: list[str], reason: str, as_json: bool, *, yes: bool
) -> int:
    """Answer several at once; those that cannot be answered are told of, the others are."""
    from services.cli.approval_view import show_action
    from services.cli.resolve import approval_name
    from services.client.approvals import APPROVE, DENY
    from services.client.approvals import answer as answer_of

    service = session.adjutant.approvals
    if len(texts) > MOST:
        raise exits.BadUseError(f"at most {MOST} approvals can be answered at once")
    requests = []
    for text in texts:
        shown = await service.get(await approval_name(session, text))
        if not as_json:
            show_action(session, shown)
        decision = APPROVE if yes else DENY
        digest = shown.action_digest
        requests.append(answer_of(shown.name, decision, digest=digest, reason=reason))
    results = await service.decide_many(requests)
    for result in results:
        if as_json:
            session.print_json(result)
        else:
            _tell(session, result)
    return exits.BAD_USE if any(result.error for result in results) else exits.DONE


def _tell(session: "Session", result: "DecisionResult") -> None:
    me = session.reference(result.name)
    if result.error is not None:
        exits.complain(f"{me}: {result.error.reason.name}: {result.error.message}")
    elif result.approval is not None:
        session.say(f"{me}: {result.approval.state.name}.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    mesh_command(app, "approve")(approve)
    mesh_command(app, "deny")(deny)
    mesh_command(app, "choose")(choose)
