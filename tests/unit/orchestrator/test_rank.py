"""Ranks: there is always one between, they sort as queues do, and they stay short."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mesh.errors import AdjutantError
from services.orchestrator.queues import rank

NOW = datetime(2026, 3, 1, tzinfo=UTC)
times = st.datetimes(
    min_value=datetime(2000, 1, 1),
    max_value=datetime(2900, 1, 1),
    timezones=st.just(UTC),
)
ranks = st.one_of(
    times.map(rank.at),
    st.text(rank.DIGITS, min_size=1, max_size=60).filter(lambda text: not text.endswith("0")),
)


def _is_rank(text: str) -> bool:
    return bool(text) and set(text) <= set(rank.DIGITS) and not text.endswith("0")


@given(ranks, ranks)
def test_between_is_strictly_between_and_hardly_longer(one: str, other: str) -> None:
    if one == other:
        return
    low, high = sorted((one, other))
    made = rank.between(low, high)
    assert low < made < high
    assert _is_rank(made)
    assert len(made) <= max(len(low), len(high), 12) + 6


@given(ranks)
def test_there_is_room_before_everything(first: str) -> None:
    if rank.at(NOW) <= first:
        made = rank.between("", first)
        assert made < first
        assert _is_rank(made)


@given(times, times)
def test_default_ranks_sort_as_time_does(one: datetime, other: datetime) -> None:
    assert (rank.at(one) < rank.at(other)) == (one < other)
    assert _is_rank(rank.at(one))


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_any_order_of_insertions_keeps_the_line(choices: list[int]) -> None:
    line = [rank.at(NOW), rank.at(NOW + timedelta(microseconds=1))]
    for choice in choices:
        place = choice % (len(line) + 1)
        if place == len(line):
            line.append(rank.after(line[-1]))
        else:
            line.insert(place, rank.between(line[place - 1] if place else "", line[place]))
    assert all(low < high for low, high in itertools.pairwise(line))
    assert all(map(_is_rank, line))


def _before_the_same(line: list[str]) -> int:
    return len(line) - 1


def _before_the_last_one_made(line: list[str]) -> int:
    return 1


def _at_the_front(line: list[str]) -> int:
    return 0


@pytest.mark.parametrize("place", [_before_the_same, _before_the_last_one_made, _at_the_front])
def test_thousands_of_insertions_at_one_place_stay_short(place: Callable[[list[str]], int]) -> None:
    line = [rank.at(NOW), rank.at(NOW + timedelta(milliseconds=1))]
    for _ in range(5000):
        at = place(line)
        line.insert(at, rank.between(line[at - 1] if at else "", line[at]))
    assert all(low < high for low, high in itertools.pairwise(line))
    assert max(map(len, line)) <= 70


def test_insertions_at_random_places_stay_short() -> None:
    chance = random.Random(7)
    line = [rank.at(NOW), rank.at(NOW + timedelta(milliseconds=1))]
    for _ in range(5000):
        at = chance.randrange(1, len(line))
        line.insert(at, rank.between(line[at - 1], line[at]))
    assert max(map(len, line)) <= 60


def test_the_worst_place_is_refused_before_ranks_grow_without_end() -> None:
    low, high = rank.at(NOW), rank.at(NOW + timedelta(milliseconds=1))
    made = 0
    reason = ""
    while not reason and made < 10_000:
        try:
            middle = rank.between(low, high)
        except AdjutantError as refused:
            reason = refused.reason
        else:
            made += 1
            assert len(middle) <= rank.MAX_LENGTH
            low, high = (middle, high) if made % 2 else (low, middle)
    assert reason == "QUEUE_CROWDED"
    assert made >= 600
