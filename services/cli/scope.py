"""Where in the hierarchy a command works: what a person typed, as a full name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final

import typer

from services.cli.exits import BadUseError

if TYPE_CHECKING:
    from services.cli.session import Session

_ID: Final = "[a-z0-9-]{1,63}"
_FULL: Final = re.compile(rf"clients/{_ID}(/(groups|projects)/{_ID})?")
_BELOW: Final = re.compile(rf"(groups|projects)/{_ID}")

AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="WHERE",
        help="client, groups/ID, projects/ID or a full name; the project unless given.",
    ),
]


def scope_name(session: Session, text: str) -> str:
    """Return the full name of a client, group or project that is meant; BadUseError."""
    if not text:
        return session.adjutant.parent
    if text == "client":
        return session.adjutant.client
    if _BELOW.fullmatch(text):
        return f"{session.adjutant.client}/{text}"
    if _FULL.fullmatch(text):
        return text
    raise BadUseError(f"--at {text!r} is no place; write client, groups/ID, projects/ID or a name")


def node_name(session: Session, collection: str, text: str) -> str:
    """Return the full name of one of `clients`, `groups` or `projects`; BadUseError."""
    above = "" if collection == "clients" else f"{session.adjutant.client}/"
    if re.fullmatch(_ID, text):
        return f"{above}{collection}/{text}"
    if _FULL.fullmatch(text) and text.split("/")[-2] == collection:
        return text
    raise BadUseError(
        f"{text!r} is neither an id nor a full name of one of the {collection}; "
        f"`adjutant {collection} list` shows them"
    )
