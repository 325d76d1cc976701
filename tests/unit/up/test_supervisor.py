"""Restarts come later and later, until the part stays healthy."""

import asyncio

import pytest

from services.up.errors import UpError
from services.up.supervisor import Backoff, Supervised


class FlakyPart:
    """A double of a part, which ends as soon as the test says so."""

    name = "flaky"

    def __init__(self) -> None:
        self.starts = 0
        self.failing = 0
        self.ended = asyncio.Event()

    async def start(self) -> None:
        self.starts += 1
        if self.failing:
            self.failing -= 1
            raise OSError("no such program")
        self.ended = asyncio.Event()

    async def wait(self) -> str:
        await self.ended.wait()
        return "signal 9"

    async def stop(self) -> None:
        self.ended.set()

    def kill(self) -> None:
        self.ended.set()

    async def die(self, starts: int) -> None:
        self.ended.set()
        while self.starts < starts:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0)


async def test_the_wait_doubles_up_to_its_limit_and_starts_over_after_health() -> None:
    part, said = FlakyPart(), list[str]()
    backoff = Backoff(initial_s=0.01, max_s=0.04, healthy_s=0.2)
    supervised = Supervised(part, said.append, backoff)
    await supervised.start()
    for starts in range(2, 6):
        await part.die(starts)
    await asyncio.sleep(0.25)
    await part.die(6)
    await supervised.stop()
    assert [line.rpartition(" in ")[2] for line in said] == [
        "0.01 s",
        "0.02 s",
        "0.04 s",
        "0.04 s",
        "0.01 s",
    ]
    assert supervised.restarts == 5


async def test_a_restart_that_fails_is_said_and_tried_again() -> None:
    part, said = FlakyPart(), list[str]()
    supervised = Supervised(part, said.append, Backoff(initial_s=0.001))
    await supervised.start()
    part.failing = 1
    await part.die(3)
    await supervised.stop()
    assert "flaky ended (no such program)" in said[1]


async def test_a_first_start_that_fails_is_an_error() -> None:
    part = FlakyPart()
    part.failing = 1
    with pytest.raises(UpError, match="no such program"):
        await Supervised(part, lambda _: None).start()
