"""Amounts of money, which are added within a currency and never across."""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

NANOS: Final = 10**9
"""Parts of a currency's unit."""


class MoneyRecord(BaseModel):
    """An amount in one currency; the fields are those of adjutant.common.v1.Money."""

    currency_code: str
    units: int = 0
    nanos: int = 0


def add_all(amounts: Iterable[MoneyRecord]) -> list[MoneyRecord]:
    """Return the sum of each currency, sorted by its code."""
    sums: dict[str, int] = {}
    for amount in amounts:
        nanos = amount.units * NANOS + amount.nanos
        sums[amount.currency_code] = sums.get(amount.currency_code, 0) + nanos
    return [
        MoneyRecord(currency_code=code, units=nanos // NANOS, nanos=nanos % NANOS)
        for code, nanos in sorted(sums.items())
    ]
