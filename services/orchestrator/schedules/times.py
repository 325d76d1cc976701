"""When a schedule ticks.

Expressions are those of cron, on cronsim: https://github.com/cuu508/cronsim. Over a change of
clocks it does as Debian's cron does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from services.mesh.errors import AdjutantError

UPCOMING: Final = 5
MAX_COUNTED: Final = 100_000
"""Ticks that are counted as missed at most; of more, nobody asks for the number."""


def ticks(cron: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """Yield the times after a moment, in UTC; it may end. INVALID_SCHEDULE."""
    zone = _zone(time_zone)
    try:
        return (tick.astimezone(UTC) for tick in CronSim(cron, after.astimezone(zone)))
    except CronSimError as error:
        raise AdjutantError(
            "INVALID_SCHEDULE",
            f"{cron!r} is no cron expression ({error}); write minute, hour, day of the month, "
            "month and day of the week, as in `30 9 * * MON-FRI`.",
            field="schedule.cron",
        ) from None


def next_tick(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """Return the first time after a moment; None where there is none. INVALID_SCHEDULE."""
    return next(ticks(cron, time_zone, after), None)


def upcoming(cron: str, time_zone: str, first: datetime) -> list[datetime]:
    """Return the next ticks, the first of which is known."""
    return [first, *islice(ticks(cron, time_zone, first), UPCOMING - 1)]


def missed(cron: str, time_zone: str, first: datetime, until: datetime) -> tuple[datetime, int]:
    """Return the latest tick from `first` up to a moment, and how many came before it."""
    latest, count = first, 0
    passed = takewhile(lambda tick: tick <= until, ticks(cron, time_zone, first))
    for tick in islice(passed, MAX_COUNTED):
        latest, count = tick, count + 1
    return latest, count


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise AdjutantError(
            "INVALID_SCHEDULE",
            f"{name!r} is no time zone; write an IANA name such as `Europe/Prague`, or leave it "
            "empty for UTC.",
            field="schedule.time_zone",
        ) from None
