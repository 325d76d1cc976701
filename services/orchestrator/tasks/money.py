"""Amounts of money, which are added within a currency and never across."""

from collections.abc import Iterable
from typing import Final

from pydantic import BaseModel

from adjutant.common.v1 import money_pb2

_NANOS: Final = 10**9
"""Parts of a currency's unit."""


class MoneyRecord(BaseModel):
    """An amount in one currency; the fields are those of adjutant.common.v1.Money."""

    currency_code: str
    units: int = 0
    nanos: int = 0

    @classmethod
    def of(cls, message: money_pb2.Money) -> "MoneyRecord":
        """Return the contract's amount as it is stored."""
        return cls(currency_code=message.currency_code, units=message.units, nanos=message.nanos)

    @property
    def amount(self) -> int:
        """All of it, in billionths of the currency's unit."""
        return self.units * _NANOS + self.nanos

    @property
    def text(self) -> str:
        """It for people, such as `2.50 EUR`."""
        parts = f"{self.nanos:09d}".rstrip("0").ljust(2, "0")
        return f"{self.units}.{parts} {self.currency_code}"

    def plus(self, other: "MoneyRecord") -> "MoneyRecord":
        """Return the sum of two amounts of one currency."""
        return _of_amount(self.currency_code, self.amount + other.amount)

    def share(self, parts: int) -> "MoneyRecord":
        """Return one of so many equal parts."""
        return _of_amount(self.currency_code, round(self.amount / parts))


def add_all(amounts: Iterable[MoneyRecord]) -> list[MoneyRecord]:
    """Return the sum of each currency, sorted by its code."""
    sums: dict[str, int] = {}
    for each in amounts:
        sums[each.currency_code] = sums.get(each.currency_code, 0) + each.amount
    return [_of_amount(code, amount) for code, amount in sorted(sums.items())]


def exceeds(costs: Iterable[MoneyRecord], limit: MoneyRecord) -> bool:
    """Tell whether costs are over a limit; those in other currencies are not compared with it."""
    spent = sum(cost.amount for cost in costs if cost.currency_code == limit.currency_code)
    return spent > limit.amount


def _of_amount(currency_code: str, amount: int) -> MoneyRecord:
    units, nanos = divmod(amount, _NANOS)
    return MoneyRecord(currency_code=currency_code, units=units, nanos=nanos)
