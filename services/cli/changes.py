"""What options say of a client, a group or a project, as the contract's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.cli.exits import BadUseError
from services.cli.rules import rules
from services.cli.scope import node_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.cli.session import Session

_POLICIES: Final[Mapping[str, Any]] = {
    "ask": v1.ApprovalPolicy.ASK,
    "approve": v1.ApprovalPolicy.APPROVE,
    "inherit": None,
}
_SHARES: Final[Mapping[str, Any]] = {"yes": True, "no": False, "inherit": None}


def values_and_paths(
    session: Session, given: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the fields that options give, and the paths of an update mask that name them."""
    values: dict[str, Any] = {}
    paths = []
    for field in ("display_name", "description"):
        if given[field] is not None:
            values[field] = given[field]
            paths.append(field)
    if given.get("group") is not None:
        group = given["group"]
        values["group"] = node_name(session, "groups", group) if group else ""
        paths.append("group")
    settings, named = _settings(given)
    if named:
        values["settings"] = settings
    return values, paths + named


def _settings(given: Mapping[str, Any]) -> tuple[v1.Settings, list[str]]:
    settings, paths = v1.Settings(), []
    for field, choices in (("approval_policy", _POLICIES), ("share_knowledge", _SHARES)):
        text = given[field]
        if text is None:
            continue
        if text not in choices:
            option = field.replace("_", "-")
            raise BadUseError(f"--{option} {text!r} is none of {', '.join(choices)}")
        setattr(settings, field, choices[text])
        paths.append(f"settings.{field}")
    if given["max_parallel_steps"] is not None:
        settings.max_parallel_steps = _number(given["max_parallel_steps"], "--max-parallel")
        paths.append("settings.max_parallel_steps")
    for field, value in rules(given["set_rules"] or []):
        setattr(settings, field, value)
        paths.append(f"settings.{field}")
    return settings, paths


def _number(text: str, option: str) -> int | None:
    """Return a number from 1 on, or None for what is inherited."""
    if text == "inherit":
        return None
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1):
        raise BadUseError(f"{option} {text!r} is neither a number from 1 on nor inherit")
    return int(text)
