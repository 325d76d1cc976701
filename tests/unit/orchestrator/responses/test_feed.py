"""The text of a response in one process: attempts, places, pieces, and who is woken how often."""

import asyncio
from collections.abc import Callable

import pytest

from services.orchestrator.responses.feed import (
    PIECE_BYTES,
    Feed,
    Place,
    is_boundary,
    piece,
)

LONG_S = 10.0


def test_text_is_put_together_whatever_comes_twice_or_in_part_twice() -> None:
    feed = Feed()
    feed.add(1, 0, b"one ")
    feed.add(1, 0, b"one ")
    feed.add(1, 2, b"e two")
    assert feed.text() == "one two"
    assert feed.after(Place(1, 4)) == b"two"
    assert feed.after(Place(1, 7)) == b""


def test_a_new_attempt_starts_over_and_what_comes_late_of_the_old_one_is_left_out() -> None:
    feed = Feed()
    feed.add(1, 0, b"of the first")
    feed.add(2, 0, b"second")
    feed.add(1, 12, b" attempt")
    assert (feed.attempt, feed.text()) == (2, "second")
    assert feed.after(Place(1, 0)) == b""


def test_text_after_a_hole_is_left_out() -> None:
    feed = Feed()
    feed.add(1, 0, b"begin")
    feed.add(1, 9, b"later")
    assert feed.text() == "begin"
    feed.add(3, 4, b"no beginning")
    assert (feed.attempt, feed.text()) == (3, "")


@pytest.mark.parametrize("character", ["a", "é", "€", "𝄞"])
def test_pieces_are_of_whole_characters_and_together_the_text(character: str) -> None:
    text = ("x" + character * PIECE_BYTES).encode()
    offset, pieces = 0, []
    while found := piece(text, offset):
        assert len(found) <= PIECE_BYTES
        pieces.append(found.decode())
        offset += len(found)
    assert "".join(pieces).encode() == text
    assert len(pieces) > 1


def test_a_character_begins_where_it_begins_and_where_the_text_ends() -> None:
    text = "a€b".encode()
    assert [at for at in range(7) if is_boundary(text, at)] == [0, 1, 4, 5]


async def test_a_reader_is_woken_by_text_by_another_attempt_and_by_a_look() -> None:
    feed = Feed()
    changes: list[Callable[[], None]] = [
        lambda: feed.add(1, 0, b"text"),
        lambda: feed.add(2, 0, b"again"),
        feed.look,
    ]
    for change in changes:
        place = Place(feed.attempt, feed.size)
        waiting = asyncio.create_task(feed.changes(place, feed.looks, LONG_S))
        await asyncio.sleep(0)
        assert not waiting.done()
        change()
        async with asyncio.timeout(LONG_S / 2):
            await waiting


async def test_what_has_changed_already_is_not_waited_for() -> None:
    feed = Feed()
    feed.add(1, 0, b"text")
    async with asyncio.timeout(LONG_S / 2):
        await feed.changes(Place(1, 2), feed.looks, LONG_S)
        await feed.changes(Place(0, 0), feed.looks, LONG_S)
        await feed.changes(Place(1, 4), feed.looks - 1, LONG_S)


async def test_many_readers_are_woken_seldom_and_miss_nothing() -> None:
    feed = Feed()
    feed.readers = 100
    wakes = 0
    got = bytearray()

    async def read() -> None:
        nonlocal wakes
        place = Place(1, 0)
        while len(got) < 400:
            await feed.changes(place, feed.looks, LONG_S)
            wakes += 1
            got.extend(feed.after(place))
            place = Place(1, len(got))

    reading = asyncio.create_task(read())
    for number in range(200):  # 200 tokens in a second or longer
        feed.add(1, feed.size, f"{number % 10}.".encode())
        await asyncio.sleep(0.005)
    async with asyncio.timeout(LONG_S):
        await reading
    assert got.decode() == feed.text()
    # One wake for about ten tokens; a slow machine takes longer and wakes no more often for it.
    assert wakes <= 60
