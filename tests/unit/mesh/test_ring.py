"""The ring: the latest events in memory, without holes."""

import asyncio

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh.events import LogEntry
from services.mesh.events.ring import Ring

LONG_S = 10.0


def entry(sequence: int) -> LogEntry:
    return LogEntry(sequence, event_pb2.Event(), {})


def filled(size: int, *sequences: int) -> Ring:
    ring = Ring(size)
    for sequence in sequences:
        ring.append(entry(sequence))
    return ring


def sequences(ring: Ring, after: int, last: int) -> list[int]:
    return [found.sequence for found in ring.between(after, last)]


def test_it_gives_what_is_between_two_places_in_order() -> None:
    ring = filled(10, 1, 2, 3, 4, 5)
    assert sequences(ring, 1, 4) == [2, 3, 4]
    assert sequences(ring, 5, 5) == []
    assert sequences(ring, 7, 5) == []


def test_it_forgets_the_oldest_and_says_from_where_on_it_knows_all() -> None:
    ring = filled(3, 1, 2, 3, 4, 5)
    assert (ring.floor, ring.last_sequence) == (2, 5)
    assert sequences(ring, ring.floor, ring.last_sequence) == [3, 4, 5]
    assert not ring.covers(1)
    assert ring.covers(2)
    assert ring.covers(5)
    assert not ring.covers(6)


def test_the_log_may_skip_numbers() -> None:
    ring = filled(2, 10, 20, 30)
    assert ring.floor == 10
    assert sequences(ring, 10, 30) == [20, 30]


def test_what_comes_again_is_not_kept_twice() -> None:
    ring = filled(10, 1, 2, 2, 1, 3)
    assert sequences(ring, 0, 3) == [1, 2, 3]


def test_after_a_restart_it_covers_what_follows() -> None:
    ring = filled(10, 1, 2, 3)
    ring.restart(7)
    assert sequences(ring, 0, 99) == []
    assert ring.covers(7)
    assert not ring.covers(3)


async def test_a_reader_waits_for_what_is_new() -> None:
    ring = filled(10, 1)
    waiting = asyncio.create_task(ring.wait(1, LONG_S))
    await asyncio.sleep(0)
    assert not waiting.done()
    ring.append(entry(2))
    assert await waiting


async def test_what_is_there_already_is_not_waited_for() -> None:
    assert await filled(10, 1, 2).wait(1, LONG_S)


async def test_a_quiet_time_is_told() -> None:
    assert not await filled(10, 1).wait(1, 0.01)


@pytest.mark.parametrize("wake", [Ring.wake_all, lambda ring: ring.restart(5)])
async def test_every_reader_is_woken(wake: object) -> None:
    ring = filled(10, 1)
    readers = [asyncio.create_task(ring.wait(1, LONG_S)) for _ in range(50)]
    await asyncio.sleep(0)
    assert callable(wake)
    wake(ring)
    async with asyncio.timeout(LONG_S):
        await asyncio.gather(*readers)
