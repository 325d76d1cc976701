"""Periods of budgets, which begin at midnight UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

DAY: Final = "DAY"
MONTH: Final = "MONTH"
TOTAL: Final = "TOTAL"
_LONGEST_MONTH: Final = timedelta(days=31)


def start_of(period: str, time: datetime) -> datetime | None:
    """Return when the period began that a moment is in; None for TOTAL."""
    if period == TOTAL:
        return None
    day = day_of(time)
    return day.replace(day=1) if period == MONTH else day


def end_of(period: str, start: datetime | None) -> datetime | None:
    """Return when the next period begins; None for TOTAL."""
    if start is None:
        return None
    length = _LONGEST_MONTH if period == MONTH else timedelta(days=1)
    return start_of(period, start + length)


def day_of(time: datetime) -> datetime:
    """Return when the day began that a moment is in."""
    return time.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def day_text(time: datetime) -> str:
    """Return a moment's day as it is stored, such as `2026-01-31`."""
    return time.astimezone(UTC).strftime("%Y-%m-%d")


def days(first: datetime, last: datetime) -> list[datetime]:
    """Return when each day began, from the one of one moment to the one of another."""
    start, end = day_of(first), day_of(last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]
