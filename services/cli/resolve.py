"""What a person typed, as a resource's full name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.cli.exits import BadUseError
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.cli.session import Session

_ID: Final = "[a-z0-9-]{1,63}"
_UUID_LENGTH: Final = 36
_SHOWN_CANDIDATES: Final = 5
_PAGE_SIZE: Final = 500


async def task_name(session: Session, text: str) -> str:
    """Return the name of the task that is meant by a name, an id, or an id's unique beginning."""
    tasks = session.adjutant.tasks.list(page_size=_PAGE_SIZE)
    return await _resolved(session, "task", text, (task.name async for task in tasks))


async def run_name(session: Session, text: str) -> str:
    """Return the name of the run that is meant; as `task_name`."""
    runs = session.adjutant.runs.list(page_size=_PAGE_SIZE)
    return await _resolved(session, "run", text, (run.name async for run in runs))


async def approval_name(session: Session, text: str) -> str:
    """Return the name of the approval that is meant; as `task_name`."""
    approvals = session.adjutant.approvals.list(page_size=_PAGE_SIZE)
    names = (approval.name async for approval in approvals)
    return await _resolved(session, "approval", text, names)


async def session_name(session: Session, text: str) -> str:
    """Return the name of the caller's session that is meant; as `task_name`."""
    sessions = session.adjutant.sessions.list(page_size=_PAGE_SIZE)
    return await _resolved(session, "session", text, (one.name async for one in sessions))


async def _resolved(session: Session, kind: str, text: str, names: AsyncIterator[str]) -> str:
    if not text:
        raise BadUseError(f"an empty id names no {kind}; {_LISTING[kind]}")
    if "/" in text:
        return _checked(kind, text)
    exact = f"{session.adjutant.parent}/{kind}s/{text}"
    if len(text) == _UUID_LENGTH:
        return exact
    found = [name async for name in names if last_part(name).startswith(text)]
    if exact in found:
        return exact
    if not found:
        raise BadUseError(f"no {kind} has an id that begins with {text!r}; {_LISTING[kind]}")
    if len(found) > 1:
        shown = ", ".join(last_part(name) for name in found[:_SHOWN_CANDIDATES])
        raise BadUseError(f"{len(found)} {kind}s begin with {text!r}: {shown}; say more of the id")
    return found[0]


def _checked(kind: str, name: str) -> str:
    if not re.fullmatch(rf"clients/{_ID}/projects/{_ID}/{kind}s/{_ID}", name):
        form = f"clients/…/projects/…/{kind}s/…"
        raise BadUseError(f"{name!r} is no name of a {kind}, which is {form}; {_LISTING[kind]}")
    return name


_LISTING: Final = {
    "task": "`adjutant status` lists the tasks",
    "run": "`adjutant status TASK` names the runs of a task",
    "approval": "`adjutant approvals --all` lists the approvals",
    "session": "`adjutant sessions list` lists your sessions",
}
