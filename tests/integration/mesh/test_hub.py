"""Event streams: what was missed, LIVE, and what happens; once and in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from adjutant.common.v1.task_pb2 import TASK_STATE_FAILED as FAILED
from adjutant.common.v1.task_pb2 import TASK_STATE_QUEUED as QUEUED
from adjutant.event.v1 import event_pb2
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog, Filter, Hub
from services.mesh.events.log import STREAM
from tests.integration.mesh.conftest import Connect
from tests.integration.mesh.harness import (
    PARENT,
    PATIENCE_S,
    PROJECT,
    TASK,
    Frame,
    became,
    eventually,
    following,
    publish,
    running,
    said,
    take,
    until,
    what,
    words,
)


async def test_without_a_cursor_it_starts_with_what_happens_now(event_log: EventLog) -> None:
    await publish(event_log, said("before"))
    async with following(event_log) as hub:
        stream = hub.stream(PROJECT)
        assert words(await take(stream, 1)) == ["LIVE"]
        await publish(event_log, said("a"), said("b"))
        assert words(await take(stream, 2)) == ["a", "b"]


async def test_from_the_start_it_replays_all_there_is(event_log: EventLog) -> None:
    await publish(event_log, said("a"), said("b"))
    async with following(event_log) as hub:
        stream = hub.stream(PROJECT, from_start=True)
        assert words(await take(stream, 3)) == ["a", "b", "LIVE"]
        await publish(event_log, said("c"))
        assert words(await take(stream, 1)) == ["c"]


async def test_with_a_cursor_it_replays_what_was_missed(event_log: EventLog) -> None:
    async with following(event_log) as hub:
        await publish(event_log, *(said(n) for n in range(10)))
        await eventually(lambda: hub._ring.last_sequence == 10)
        frames = await until(hub.stream(PROJECT, from_start=True), "LIVE")
        assert len(frames) == 11
        resumed = await until(hub.stream(PROJECT, frames[4].cursor), "LIVE")
        assert words(resumed) == ["5", "6", "7", "8", "9", "LIVE"]


async def test_every_frame_has_a_cursor_to_go_on_from(event_log: EventLog) -> None:
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        await publish(event_log, said("a"))
        await eventually(lambda: hub._ring.last_sequence == 1)
        frames = await until(hub.stream(PROJECT, from_start=True), "HEARTBEAT")
        assert words(frames) == ["a", "LIVE", "HEARTBEAT"]
        await publish(event_log, said("b"))
        for frame in frames:
            resumed = words(await until(hub.stream(PROJECT, frame.cursor), "b"))
            assert [word for word in resumed if word.islower()] == ["b"]


async def test_a_stream_carries_what_its_filter_takes(event_log: EventLog) -> None:
    other = said("other project", parent="clients/acme/projects/other")
    kinds = frozenset({event_pb2.EVENT_KIND_TASK_STATE_CHANGED})
    async with following(event_log) as hub:
        lives = {
            name: hub.stream(events, from_start=True)
            for name, events in {
                "project": PROJECT,
                "task": Filter(PARENT, task=TASK),
                "run": Filter(PARENT, resource=f"{PARENT}/runs/r-2"),
                "kind": Filter(PARENT, kinds=kinds),
            }.items()
        }
        for stream in lives.values():
            assert words(await take(stream, 1)) == ["LIVE"]
        story = [
            said("lone"),
            other,
            said("mine", run="r-2", task=TASK),
            became(QUEUED),
            said("end"),
        ]
        await publish(
            event_log, *story, said("end", run="r-2"), became(FAILED), said("end", task=TASK)
        )
        assert words(await until(lives["project"], "end")) == ["lone", "mine", "QUEUED", "end"]
        assert words(await until(lives["task"], "end")) == ["mine", "QUEUED", "FAILED", "end"]
        assert words(await until(lives["run"], "end")) == ["mine", "end"]
        assert words(await take(lives["kind"], 2)) == ["QUEUED", "FAILED"]
        await eventually(lambda: hub._ring.last_sequence == 8)
        replayed = await until(hub.stream(Filter(PARENT, task=TASK), from_start=True), "LIVE")
        assert words(replayed) == ["mine", "QUEUED", "FAILED", "end", "LIVE"]


async def test_live_never_overtakes_the_replay(event_log: EventLog) -> None:
    total = 1500
    await publish(event_log, *(said(n) for n in range(500)))

    async def write() -> None:
        for n in range(500, total):
            await publish(event_log, said(n))

    async with following(event_log) as hub, running(write()):
        streams = []
        for _ in range(20):
            streams.append(
                asyncio.create_task(until(hub.stream(PROJECT, from_start=True), str(total - 1)))
            )
            await asyncio.sleep(0.01)
        for frames in await asyncio.gather(*streams):
            found = words(frames)
            assert found.count("LIVE") == 1
            assert [word for word in found if word != "LIVE"] == [str(n) for n in range(total)]


async def test_live_is_said_once_all_that_was_before_is_replayed(event_log: EventLog) -> None:
    async with following(event_log, event_buffer_size=16) as hub:
        await publish(event_log, *(said(n) for n in range(100)))
        await eventually(lambda: hub._ring.last_sequence == 100)
        found = words(await until(hub.stream(PROJECT, from_start=True), "LIVE"))
        assert found == [*(str(n) for n in range(100)), "LIVE"]


async def test_a_quiet_stream_says_that_it_is_alive(event_log: EventLog) -> None:
    async with following(event_log, stream_heartbeat_s=0.05) as hub:
        frames = await take(hub.stream(PROJECT), 4)
        assert words(frames) == ["LIVE", "HEARTBEAT", "HEARTBEAT", "HEARTBEAT"]
        age = datetime.now(UTC) - frames[-1].heartbeat.time.ToDatetime(UTC)
        assert age < timedelta(minutes=1)


async def test_it_is_quiet_also_where_only_others_talk(event_log: EventLog) -> None:
    async def chatter() -> None:
        for n in range(10_000):
            await publish(event_log, said(n, parent="clients/acme/projects/loud"))
            await asyncio.sleep(0.01)

    async with following(event_log, stream_heartbeat_s=0.2) as hub, running(chatter()):
        found = words(await take(hub.stream(PROJECT), 3))
        assert found == ["LIVE", "HEARTBEAT", "HEARTBEAT"]


async def test_a_cursor_of_another_filter_is_refused(event_log: EventLog) -> None:
    async with following(event_log) as hub:
        (live,) = await take(hub.stream(PROJECT), 1)
        with pytest.raises(AdjutantError) as caught:
            await take(hub.stream(Filter(PARENT, task=TASK), live.cursor), 1)
        assert caught.value.reason == "INVALID_CURSOR"


async def note_all(stream: AsyncIterator[Frame], seen: list[str]) -> None:
    async for frame in stream:
        seen.append(what(frame))


async def test_a_slow_reader_is_told_and_can_go_on(event_log: EventLog) -> None:
    async with following(event_log, event_buffer_size=16) as hub:
        stream = hub.stream(PROJECT)
        await take(stream, 1)
        await publish(event_log, *(said(n) for n in range(3)))
        seen = words(await take(stream, 2))
        await publish(event_log, *(said(n) for n in range(3, 100)))
        await eventually(lambda: hub._ring.last_sequence == 100)
        with pytest.raises(AdjutantError) as caught:
            await note_all(stream, seen)
        assert caught.value.reason == "SLOW_CONSUMER"
        assert caught.value.retry_after_s is not None
        stream = hub.stream(PROJECT, caught.value.metadata["cursor"])
        seen += words(await until(stream, "99"))
        assert [word for word in seen if word != "LIVE"] == [str(n) for n in range(100)]


async def test_a_slow_reader_holds_nobody_up(event_log: EventLog) -> None:
    async with following(event_log, event_buffer_size=64) as hub:
        asleep, awake = hub.stream(PROJECT), hub.stream(PROJECT)
        await take(asleep, 1)
        await take(awake, 1)
        for n in range(200):
            await publish(event_log, said(n))
            assert words(await take(awake, 1)) == [str(n)]


async def test_a_replay_may_take_its_time(event_log: EventLog) -> None:
    async with following(event_log, event_buffer_size=16) as hub:
        await publish(event_log, *(said(n) for n in range(200)))
        await eventually(lambda: hub._ring.last_sequence == 200)
        stream = hub.stream(PROJECT, from_start=True)
        seen = words(await take(stream, 10))
        await publish(event_log, *(said(n) for n in range(200, 400)))
        seen += words(await until(stream, "LIVE"))
        assert seen == [*(str(n) for n in range(400)), "LIVE"]


async def test_a_cursor_ahead_of_this_process_is_waited_for_and_not_repeated(
    event_log: EventLog, connect: Connect
) -> None:
    late = Hub(await connect(), MeshSettings(stream_heartbeat_s=0.05))
    async with running(late.run()):
        await take(late.stream(PROJECT), 1)
    async with following(event_log) as hub:
        await publish(event_log, said("a"), said("b"))
        cursor = (await until(hub.stream(PROJECT, from_start=True), "b"))[-1].cursor
    stream = late.stream(PROJECT, cursor)
    assert words(await take(stream, 2)) == ["LIVE", "HEARTBEAT"]
    async with running(late.run()):
        await publish(event_log, said("c"))
        assert words(await until(stream, "c"))[-1] == "c"
        assert not {"a", "b"} & set(words(await until(stream, "HEARTBEAT")))


async def test_a_close_ends_every_stream(event_log: EventLog) -> None:
    async with following(event_log) as hub:
        streams = [hub.stream(PROJECT) for _ in range(10)]
        for stream in streams:
            await take(stream, 1)
        waiting = [asyncio.create_task(take(stream, 1)) for stream in streams]
        await asyncio.sleep(0)
        hub.close()
        for outcome in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(outcome, AdjutantError)
            assert outcome.reason == "SHUTTING_DOWN"
        with pytest.raises(AdjutantError, match="SHUTTING_DOWN"):
            await take(hub.stream(PROJECT), 1)
        assert hub.is_closing


async def test_a_close_ends_a_stream_whose_reader_is_busy(event_log: EventLog) -> None:
    async with following(event_log, stream_heartbeat_s=3600) as hub:
        stream = hub.stream(PROJECT)
        await take(stream, 1)
        await publish(event_log, said("a"))
        assert words(await take(stream, 1)) == ["a"]
        hub.close()
        with pytest.raises(AdjutantError, match="SHUTTING_DOWN"):
            await take(stream, 1)


async def test_a_reader_that_goes_leaves_nothing_behind(event_log: EventLog) -> None:
    async with following(event_log, event_buffer_size=16) as hub:
        await publish(event_log, *(said(n) for n in range(100)))
        await eventually(lambda: hub._ring.last_sequence == 100)
        for _ in range(5):
            stream = hub.stream(PROJECT, from_start=True)
            await take(stream, 3)
            await stream.aclose()  # type: ignore[attr-defined]
        waiting = asyncio.create_task(take(hub.stream(PROJECT), 2))
        await eventually(lambda: hub._ring._waiting)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        assert not hub._ring._waiting
        async with asyncio.timeout(PATIENCE_S):
            while len(await event_log.jetstream.consumers_info(STREAM)) > 1:
                await asyncio.sleep(0.02)
