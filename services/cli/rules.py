"""What `--set NAME=VALUE` says of a client's, a group's or a project's approvals."""

from __future__ import annotations

import datetime
import re
from typing import TYPE_CHECKING, Any, Final

from adjutant_messages.adjutant.common.v1 import EscalationPolicy
from services.cli.amounts import money, money_of
from services.cli.exits import BadUseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from adjutant_messages.adjutant.orchestrator.v1 import Settings

INHERIT: Final = "inherit"
_SPAN: Final = re.compile(r"(?P<count>[1-9][0-9]{0,6})(?P<unit>[smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_ESCALATIONS: Final = {"ask": EscalationPolicy.ASK, "fail": EscalationPolicy.FAIL}
_SWITCHES: Final = {"yes": True, "no": False}


def _one_of(choices: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text not in choices:
            raise BadUseError(f"{text!r} is none of {', '.join(choices)}, {INHERIT}")
        return choices[text]

    return read


def _span(text: str) -> datetime.timedelta:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise BadUseError(f"{text!r} is no length of time; write it as 90s, 5m or 1h")
    return datetime.timedelta(seconds=int(found["count"]) * _SECONDS[found["unit"]])


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1000):
        raise BadUseError(f"{text!r} is no number from 1 to 1000")
    return int(text)


READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "auto-approve-low-risk": _one_of(_SWITCHES),
    "approval-timeout-medium": _span,
    "approval-timeout-high": _span,
    "escalation-policy": _one_of(_ESCALATIONS),
    "max-step-iterations": _number,
    "cost-limit": money_of,
}
"""Name of a rule to what reads its value; the field of the contract has underscores."""


def rules(given: list[str]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that `NAME=VALUE` texts set, and their values; None is inherited."""
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or name not in READERS:
            known = ", ".join(READERS)
            raise BadUseError(f"--set {text!r} is no NAME=VALUE with a NAME of {known}")
        yield name.replace("-", "_"), None if value == INHERIT else READERS[name](value)


def shown(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the rules that are set, as one would set them."""
    for name in READERS:
        value = getattr(settings, name.replace("-", "_"))
        if value is not None:
            yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime.timedelta):
        return f"{value.total_seconds():.0f}s"
    if isinstance(value, EscalationPolicy):
        return (value.name or "").lower()
    return str(value) if isinstance(value, int) else money([value])
