"""Asking the person at the terminal for an approval, while the task is being followed."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Final

from services.cli.approval_view import show_action
from services.cli.render import plain
from services.client import AdjutantError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from adjutant_messages.adjutant.orchestrator.v1 import Approval
    from services.cli.session import Session

_QUESTION: Final = "Approve? [y]es, [n]o, [s]how the change, Enter leaves it for later: "
_CHOICE: Final = "Choose one ([s]how the change, Enter leaves it for later): "


def can_ask() -> bool:
    """Tell whether a person sits at this terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def tell_how_to_answer(session: Session, approval: str) -> None:
    """Print the commands that answer an approval."""
    me = session.reference(approval)
    session.say(f"Answer it: adjutant approve {me}")
    session.say(f"       or: adjutant deny {me} --reason …")


async def ask(session: Session, approval: Approval) -> None:
    """Show an approval, take the answer and send it; cancelling it takes the question back."""
    show_action(session, approval)
    if approval.escalation is not None:
        await _ask_to_choose(session, approval)
        return
    while True:
        answer = (await typed(_QUESTION)).strip().lower()
        if answer in ("y", "yes"):
            await _send(session, approval, yes=True)
            return
        if answer in ("n", "no"):
            reason = (await typed("Why not (Enter for no reason): ")).strip()
            await _send(session, approval, yes=False, reason=reason)
            return
        if answer in ("s", "show"):
            await show_change(session, approval)
        elif not answer:
            tell_how_to_answer(session, approval.name)
            return


async def _ask_to_choose(session: Session, approval: Approval) -> None:
    """Have the person choose how a task goes on that cannot by itself."""
    choices = approval.escalation.choices if approval.escalation else []
    offered = [choice.choice_id for choice in choices]
    while True:
        answer = (await typed(_CHOICE)).strip().lower()
        if answer in offered:
            service = session.adjutant.approvals
            digest = approval.action_digest
            await _taken(session, service.choose(approval.name, answer, digest=digest))
            return
        if answer in ("s", "show"):
            await show_change(session, approval)
        elif not answer:
            session.say(f"Choose: adjutant choose {session.reference(approval.name)} CHOICE")
            return


async def show_change(session: Session, approval: Approval) -> None:
    """Print the text of the change that an approval would allow."""
    commit = approval.escalation.commit if approval.escalation else approval.commit
    for patch in commit.patches if commit else ():
        pieces = [piece async for piece in session.adjutant.runs.artifact(patch.run)]
        session.say(plain(b"".join(pieces).decode(errors="replace")).rstrip())


async def _send(session: Session, approval: Approval, *, yes: bool, reason: str = "") -> None:
    service = session.adjutant.approvals
    answer = service.approve if yes else service.deny
    await _taken(session, answer(approval.name, digest=approval.action_digest, reason=reason))


async def _taken(session: Session, answer: Awaitable[Approval]) -> None:
    try:
        await answer
    except AdjutantError as error:  # somebody else was first, say; the task tells how it goes on
        session.say(f"The answer was not taken: {error}")


async def typed(question: str) -> str:
    """Return the line that the person types; empty at the end of input. Can be cancelled."""
    sys.stdout.write(question)
    sys.stdout.flush()
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    line: asyncio.Future[str] = loop.create_future()

    def readable() -> None:
        if not line.done():
            line.set_result(os.read(descriptor, 4096).decode(errors="replace"))

    loop.add_reader(descriptor, readable)
    try:
        return await line
    except asyncio.CancelledError:
        sys.stdout.write("\n")
        raise
    finally:
        loop.remove_reader(descriptor)
