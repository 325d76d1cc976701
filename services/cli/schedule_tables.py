"""How schedules look on a terminal."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from services.cli.render import age, failure_line, plain, table
from services.client import last_part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_WIDTH: Final = 12


def schedules_table(schedules: Sequence[v1.Schedule]) -> Table:
    """Return a list of schedules."""
    found = table("schedule", "cron", "zone", "next", "last", "title")
    for one in schedules:
        found.add_row(
            last_part(one.name),
            plain(one.cron),
            plain(one.time_zone) or "UTC",
            "paused" if one.paused else _moment(one.next_time) or "never",
            _last(one),
            plain(one.display_name),
        )
    return found


def show_schedule(session: Session, schedule: v1.Schedule) -> None:
    """Print one schedule, its next ticks and what the last one came to."""
    session.say(schedule.name)
    missed = (schedule.missed_tick_policy.name or "").lower().replace("_", "-")
    lines = [
        ("title", schedule.display_name),
        ("cron", f"{schedule.cron}  ({schedule.time_zone or 'UTC'})"),
        ("missed", missed),
        ("overlap", (schedule.overlap_policy.name or "").lower()),
        ("last", _last(schedule)),
        ("last task", schedule.last_task),
        ("failure", failure_line(schedule.last_failure)),
        ("creator", schedule.creator),
        ("next", "paused" if schedule.paused else ""),
    ]
    lines += [("next", _moment(time)) for time in schedule.upcoming_times]
    for label, text in lines:
        if text:
            session.say(f"  {label:<{_WIDTH}}{plain(text)}")


def _last(schedule: v1.Schedule) -> str:
    if schedule.last_time is None:
        return ""
    return f"{(schedule.last_outcome.name or '').lower()} {age(schedule.last_time)}"


def _moment(time: datetime.datetime | None) -> str:
    """Return a time where this machine is."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z") if time else ""
