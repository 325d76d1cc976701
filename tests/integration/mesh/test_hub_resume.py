"""Streams that are cut off and resumed; servers that are killed; stories that end."""

import asyncio
import dataclasses
import random

import pytest

from adjutant.common.v1.task_pb2 import TASK_STATE_COMPLETED as COMPLETED
from adjutant.common.v1.task_pb2 import TASK_STATE_QUEUED as QUEUED
from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog, Filter, Hub
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import (
    ENDING,
    PARENT,
    PATIENCE_S,
    PROJECT,
    TASK,
    became,
    eventually,
    following,
    publish,
    running,
    said,
    take,
    what,
    words,
)

STORY = Filter(PARENT, task=TASK)


async def read_resuming(hubs: list[Hub], last: str, cuts: random.Random) -> tuple[list[str], int]:
    """Read events up to the last one; cut the stream off at random and resume it somewhere.

    Return what the events said and how often the stream was resumed.
    """
    seen: list[str] = []
    resumed, cursor = 0, ""
    while last not in seen[-1:]:
        room = cuts.choice([0, 1, 2, 5, 20])
        stream = cuts.choice(hubs).stream(PROJECT, cursor, from_start=True)
        try:
            async for frame in stream:
                cursor = frame.cursor
                if frame.HasField("event"):
                    seen.append(what(frame))
                room -= 1
                if room < 0 or last in seen[-1:]:
                    break
        except AdjutantError as error:
            if error.reason not in ("EVENT_LOG_UNAVAILABLE", "SLOW_CONSUMER"):
                raise
            cursor = error.metadata.get("cursor", cursor)
            await asyncio.sleep(0.01)
        await stream.aclose()  # type: ignore[attr-defined]
        resumed += 1
    return seen, resumed


async def test_300_random_disconnects_lose_and_repeat_nothing(
    connect: Connect, event_log: EventLog
) -> None:
    total = 1500

    async def write() -> None:
        for n in range(total):
            await publish(event_log, said(n))
            if n % 10 == 0:
                await asyncio.sleep(0.005)

    other = await connect()
    async with (
        following(event_log, event_buffer_size=200) as one,
        following(other, event_buffer_size=50) as two,
        running(write()),
        asyncio.timeout(PATIENCE_S),
    ):
        readers = [
            read_resuming([one, two], str(total - 1), random.Random(seed)) for seed in range(2)
        ]
        outcomes = await asyncio.gather(*readers)
    for seen, _ in outcomes:
        assert seen == [str(n) for n in range(total)]
    assert sum(resumed for _, resumed in outcomes) >= 300


async def test_kills_of_the_server_lose_and_repeat_nothing(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    reading, writing = await connect(own_nats.url), await connect(own_nats.url)
    total = 300

    async def write() -> None:
        for n in range(total):
            event = said(n)
            while True:
                try:
                    await publish(writing, event)
                    break
                except Exception:
                    await asyncio.sleep(0.02)
            await asyncio.sleep(0.002)

    async with following(reading) as hub, running(write()), asyncio.timeout(PATIENCE_S):
        steady = asyncio.create_task(read_steadily(hub, str(total - 1)))
        broken = asyncio.create_task(read_resuming([hub], str(total - 1), random.Random(1)))
        for _ in range(2):
            await asyncio.sleep(0.2)
            own_nats.kill()
            await asyncio.sleep(0.05)
            await own_nats.start()
        assert await steady == [str(n) for n in range(total)]
        assert (await broken)[0] == [str(n) for n in range(total)]


async def read_steadily(hub: Hub, last: str) -> list[str]:
    """Read without ever being cut off: a live stream survives the server's death."""
    seen: list[str] = []
    async for frame in hub.stream(PROJECT, from_start=True):
        if frame.HasField("event"):
            seen.append(what(frame))
            if seen[-1] == last:
                break
    return seen


async def test_a_stream_that_starts_while_the_server_is_away_says_so(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    event_log = await connect(own_nats.url)
    await publish(event_log, said("a"))
    async with following(event_log) as hub:
        await take(hub.stream(PROJECT), 1)
        own_nats.kill()
        with pytest.raises(AdjutantError) as caught:
            await take(hub.stream(PROJECT, from_start=True), 1)
        assert caught.value.reason == "EVENT_LOG_UNAVAILABLE"
        await own_nats.start()
        await eventually(lambda: event_log.client.is_connected)
        assert words(await take(hub.stream(PROJECT, from_start=True), 2)) == ["a", "LIVE"]


async def whole(hub: Hub, cursor: str = "") -> list[str]:
    """Return what a stream of the story says until it ends by itself."""
    async with asyncio.timeout(PATIENCE_S):
        stream = hub.stream(STORY, cursor, from_start=True, ending=ENDING)
        return words([frame async for frame in stream])


async def goes_on(hub: Hub, cursor: str = "") -> bool:
    """Tell whether a stream of the story stays open."""
    stream = hub.stream(STORY, cursor, from_start=True, ending=ENDING)
    async with asyncio.timeout(PATIENCE_S):
        async for frame in stream:
            if frame.HasField("heartbeat"):
                return True
    return False


async def test_a_story_ends_with_its_last_event(event_log: EventLog) -> None:
    async with following(event_log) as hub:
        stream = hub.stream(STORY, ending=ENDING)
        await take(stream, 1)
        await publish(event_log, became(QUEUED), said("work", task=TASK), became(COMPLETED))
        async with asyncio.timeout(PATIENCE_S):
            assert words([f async for f in stream]) == ["QUEUED", "work", "COMPLETED"]


async def test_it_can_be_told_after_its_end(event_log: EventLog) -> None:
    await publish(event_log, became(QUEUED), said("work", task=TASK), became(COMPLETED))
    async with following(event_log, event_buffer_size=16) as hub:
        assert await whole(hub) == ["QUEUED", "work", "COMPLETED", "LIVE"]
        await publish(event_log, *(said(n) for n in range(100)))
        await eventually(lambda: hub._ring.last_sequence == 103)
        assert await whole(hub) == ["QUEUED", "work", "COMPLETED", "LIVE"]


async def test_it_ends_also_for_who_has_seen_the_end_already(event_log: EventLog) -> None:
    await publish(event_log, became(QUEUED), became(COMPLETED))
    async with following(event_log) as hub:
        stream = hub.stream(STORY, from_start=True, ending=ENDING)
        cursors = [frame.cursor for frame in await take(stream, 3)]
        assert await whole(hub, cursors[0]) == ["COMPLETED", "LIVE"]
        assert await whole(hub, cursors[1]) == ["LIVE"]
        assert await whole(hub, cursors[2]) == ["LIVE"]


async def test_a_story_without_an_end_goes_on(event_log: EventLog) -> None:
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        assert await goes_on(hub)
        await publish(event_log, became(QUEUED), said("work", task=TASK))
        assert await goes_on(hub)


async def test_a_story_that_was_reopened_goes_on_to_its_new_end(event_log: EventLog) -> None:
    await publish(event_log, became(QUEUED), became(COMPLETED), became(QUEUED))
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        assert await goes_on(hub)
        await publish(event_log, became(COMPLETED))
        await eventually(lambda: hub._ring.last_sequence == 4)
        assert await whole(hub) == ["QUEUED", "COMPLETED", "QUEUED", "COMPLETED", "LIVE"]


async def test_a_story_goes_on_whose_reopening_is_still_to_be_published(
    event_log: EventLog,
) -> None:
    await publish(event_log, became(QUEUED), became(COMPLETED))
    reopened = True

    async def is_reopened() -> bool:
        return reopened

    ending = dataclasses.replace(ENDING, is_reopened=is_reopened)
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        stream = hub.stream(STORY, from_start=True, ending=ending)
        frames = await take(stream, 4)
        assert words(frames[:3]) == ["QUEUED", "COMPLETED", "LIVE"]
        assert frames[3].HasField("heartbeat")
        again = hub.stream(STORY, frames[2].cursor, ending=ending)
        assert (await take(again, 2))[1].HasField("heartbeat")
        reopened = False
        await publish(event_log, became(QUEUED), became(COMPLETED))
        async with asyncio.timeout(PATIENCE_S):
            rest = [frame async for frame in stream if frame.HasField("event")]
        assert words(rest) == ["QUEUED", "COMPLETED"]


async def test_a_story_that_is_reopened_after_its_end_can_be_watched_again(
    event_log: EventLog,
) -> None:
    await publish(event_log, became(QUEUED), became(COMPLETED))
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        stream = hub.stream(STORY, from_start=True, ending=ENDING)
        cursor = (await take(stream, 3))[-1].cursor
        assert await whole(hub, cursor) == ["LIVE"]
        await publish(event_log, became(QUEUED))
        assert await goes_on(hub, cursor)
