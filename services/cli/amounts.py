"""Amounts of money and lengths of time, as people write and read them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from services.cli.exits import BadUseError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adjutant_messages.adjutant.common.v1 import Money

_MONEY: Final = re.compile(r"(?P<units>[0-9]{1,9})(?:\.(?P<part>[0-9]{1,9}))? ?(?P<code>[A-Z]{3})")


def money_of(text: str, option: str = "--cost") -> Money:
    """Return an amount such as `1.25 EUR` as the contract's; `option` is what it was given to."""
    from adjutant_messages.adjutant.common.v1 import Money

    found = _MONEY.fullmatch(text.strip())
    if found is None:
        raise BadUseError(f"{option} {text!r} is no amount; write it as '1.25 EUR'")
    nanos = int((found["part"] or "").ljust(9, "0"))
    return Money(currency_code=found["code"], units=int(found["units"]), nanos=nanos)


def money(amounts: Iterable[Money]) -> str:
    """Return amounts in words, such as `1.25 EUR, 0.10 USD`; empty for none."""
    return ", ".join(_amount(amount) for amount in amounts)


def _amount(amount: Money) -> str:
    part = f"{amount.nanos:09}".rstrip("0").ljust(2, "0")
    return f"{amount.units}.{part} {amount.currency_code}"
