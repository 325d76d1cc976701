"""Ending what takes too long with one timer for all."""

import asyncio

from services.mesh.timeouts import Timeouts
from tests.integration.mesh.harness import eventually


async def test_each_is_ended_when_its_time_is_over_in_the_order_in_which_they_came() -> None:
    timeouts, ended = Timeouts(0.05), list[tuple[int, float]]()
    loop = asyncio.get_running_loop()
    begun = []
    for number in range(4):
        begun.append(loop.time())
        timeouts.add(lambda number=number: ended.append((number, loop.time())))  # type: ignore[misc]
        await asyncio.sleep(0.02)
    await eventually(lambda: len(ended) == 4)
    assert [number for number, _ in ended] == [0, 1, 2, 3]
    assert all(at - begun[number] >= 0.048 for number, at in ended)


async def test_what_was_dropped_is_not_ended_and_those_after_it_are() -> None:
    timeouts, ended = Timeouts(0.02), list[str]()
    first = timeouts.add(lambda: ended.append("first"))
    timeouts.add(lambda: ended.append("second"))
    timeouts.drop(first)
    await eventually(lambda: ended)
    assert ended == ["second"]
    timeouts.drop(first)


async def test_it_goes_on_after_a_pause() -> None:
    timeouts, ended = Timeouts(0.01), list[int]()
    for number in range(3):
        timeouts.add(lambda: ended.append(1))
        await eventually(lambda expected=number + 1: len(ended) == expected)  # type: ignore[misc]
    assert not timeouts._due
