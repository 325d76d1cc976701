"""Amounts of money."""

from typing import Final

from pydantic import BaseModel

NANOS: Final = 10**9


class MoneyRecord(BaseModel):
    """An amount; the fields are those of adjutant.common.v1.Money."""

    currency_code: str
    """In ISO 4217, such as `USD`."""
    units: int = 0
    nanos: int = 0
    """Billionths of a unit, with the sign of the units."""

    @property
    def total_nanos(self) -> int:
        """The whole amount in billionths of a unit."""
        return self.units * NANOS + self.nanos

    def exceeds(self, other: "MoneyRecord") -> bool:
        """Tell whether it is more than another amount; of another currency it never is."""
        return self.currency_code == other.currency_code and self.total_nanos > other.total_nanos

    def plus(self, other: "MoneyRecord") -> "MoneyRecord":
        """Return the sum with another amount of the same currency."""
        total = self.total_nanos + other.total_nanos
        sign = -1 if total < 0 else 1
        units, nanos = divmod(abs(total), NANOS)
        return MoneyRecord(currency_code=self.currency_code, units=sign * units, nanos=sign * nanos)

    def __str__(self) -> str:
        sign = "-" if self.total_nanos < 0 else ""
        units, nanos = divmod(abs(self.total_nanos), NANOS)
        cents = f"{nanos / NANOS:.2f}" if nanos % 10**7 == 0 else f"{nanos / NANOS:.9f}".rstrip("0")
        return f"{sign}{units}{cents[1:]} {self.currency_code}"
