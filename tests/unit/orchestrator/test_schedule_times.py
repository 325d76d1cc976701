"""When schedules tick, over changes of clocks too, and what cannot be read."""

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from services.mesh.errors import AdjutantError
from services.orchestrator.schedules import times


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_next_tick_is_after_the_moment_in_the_schedules_own_zone() -> None:
    prague = times.next_tick("30 9 * * MON-FRI", "Europe/Prague", _at("2026-01-03T00:00"))
    assert prague == _at("2026-01-05T08:30")
    assert times.next_tick("30 9 * * *", "", _at("2026-01-05T09:30")) == _at("2026-01-06T09:30")


def test_a_time_that_the_clocks_leave_out_comes_right_after_and_one_that_is_twice_comes_once() -> (
    None
):
    spring = times.ticks("30 2 * * *", "Europe/Prague", _at("2026-03-28T12:00"))
    assert list(islice(spring, 2)) == [_at("2026-03-29T01:00"), _at("2026-03-30T00:30")]
    autumn = times.ticks("30 2 * * *", "Europe/Prague", _at("2026-10-24T12:00"))
    assert list(islice(autumn, 2)) == [_at("2026-10-25T00:30"), _at("2026-10-26T01:30")]


def test_six_fields_begin_with_the_second() -> None:
    start = _at("2026-01-01T00:00")
    upcoming = times.upcoming("*/20 * * * * *", "UTC", start + timedelta(seconds=20))
    assert [tick.second for tick in upcoming] == [20, 40, 0, 20, 40]


def test_missed_ticks_are_counted_up_to_the_moment() -> None:
    first, until = _at("2026-01-01T10:00"), _at("2026-01-01T13:59")
    assert times.missed("0 * * * *", "", first, until) == (_at("2026-01-01T13:00"), 3)
    assert times.missed("0 * * * *", "", first, first) == (first, 0)


def test_a_date_that_never_comes_has_no_tick() -> None:
    assert times.next_tick("0 0 * 2 MON#5", "", _at("2026-01-01T00:00")) is not None
    with pytest.raises(AdjutantError, match="day-of-month"):
        times.next_tick("0 0 31 2 *", "", _at("2026-01-01T00:00"))


@pytest.mark.parametrize(
    ("cron", "zone", "field"),
    [
        ("", "", "schedule.cron"),
        ("every day", "", "schedule.cron"),
        ("61 * * * *", "", "schedule.cron"),
        ("* * * * * * *", "", "schedule.cron"),
        ("0 0 * * *", "Mars/Olympus", "schedule.time_zone"),
        ("0 0 * * *", "../../etc/passwd", "schedule.time_zone"),
        ("0 0 * * *", "/etc/localtime", "schedule.time_zone"),
        ("0 0 * * *", "\0", "schedule.time_zone"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_field(cron: str, zone: str, field: str) -> None:
    with pytest.raises(AdjutantError) as refused:
        times.next_tick(cron, zone, _at("2026-01-01T00:00"))
    assert (refused.value.reason, refused.value.field) == ("INVALID_SCHEDULE", field)
