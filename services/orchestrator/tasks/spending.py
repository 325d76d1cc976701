"""What a task may cost, and whether it did."""

from collections.abc import Iterable

from services.orchestrator.tasks.money import NANOS, MoneyRecord


def exceeds(costs: Iterable[MoneyRecord], limit: MoneyRecord) -> bool:
    """Tell whether costs are over a limit; those in other currencies are not compared with it."""
    spent = sum(_nanos(cost) for cost in costs if cost.currency_code == limit.currency_code)
    return spent > _nanos(limit)


def plus(one: MoneyRecord, other: MoneyRecord) -> MoneyRecord:
    """Return the sum of two amounts of one currency."""
    units, nanos = divmod(_nanos(one) + _nanos(other), NANOS)
    return MoneyRecord(currency_code=one.currency_code, units=units, nanos=nanos)


def text(amount: MoneyRecord) -> str:
    """Return an amount for people, such as `2.50 EUR`."""
    parts = f"{amount.nanos:09d}".rstrip("0").ljust(2, "0")
    return f"{amount.units}.{parts} {amount.currency_code}"


def _nanos(amount: MoneyRecord) -> int:
    return amount.units * NANOS + amount.nanos
