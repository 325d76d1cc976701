"""Where in the hierarchy a command works: what a person typed, as a full name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from services.cli.exits import BadUseError

if TYPE_CHECKING:
    from services.cli.session import Session

ROLES: Final = ("owner", "editor", "viewer", "agent")
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


def chosen(text: str, choices: tuple[str, ...]) -> str:
    """Return one of the choices, whatever its case; BadUseError."""
    if text.lower() not in choices:
        raise BadUseError(f"{text!r} is none of {', '.join(choices)}")
    return text.lower()


def role_of(text: str) -> Any:
    """Return the contract's role that is meant; BadUseError."""
    from adjutant_messages.adjutant.common.v1 import Role

    return Role.from_string(chosen(text, ROLES).upper())
