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
_NUMBERS: Final = (
    ("max_parallel_steps", "--max-parallel", 1),
    ("plan_approval_complexity", "--plan-approval-complexity", 0),
)
"""Field, option, and the least that it may be."""
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
    for field, option, least in _NUMBERS:
        if given[field] is not None:
            setattr(settings, field, _number(given[field], option, least))
            paths.append(f"settings.{field}")
    for field, value in rules(given["set_rules"] or []):
        setattr(settings, field, value)
        paths.append(f"settings.{field}")
    return settings, paths


def _number(text: str, option: str, least: int) -> int | None:
    """Return a number from `least` on, or None for what is inherited."""
    if text == "inherit":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) >= least):
        raise BadUseError(f"{option} {text!r} is neither a number from {least} on nor inherit")
    return int(text)
