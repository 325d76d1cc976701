"""What a stream says where it cannot give what was asked for."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from nats.js import api

from adjutant.common.v1 import task_pb2
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog, Filter, Hub
from services.mesh.events.log import STREAM
from tests.integration.mesh.conftest import Connect
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
    until,
    what,
    words,
)


async def purge(event_log: EventLog, up_to: int) -> None:
    """Remove the events below a sequence, as retention does."""
    await event_log.jetstream.purge_stream(STREAM, seq=up_to)


async def make_anew(event_log: EventLog) -> None:
    await event_log.jetstream.delete_stream(STREAM)
    await event_log._ensure_streams()


async def cursor_after(event_log: EventLog, text: str) -> str:
    """Return the cursor of an event in the log."""
    async with following(event_log) as hub:
        return (await until(hub.stream(PROJECT, from_start=True), text))[-1].cursor


async def test_what_retention_removed_is_a_gap_with_its_size(event_log: EventLog) -> None:
    await publish(event_log, *(said(n) for n in range(10)))
    cursor = await cursor_after(event_log, "2")
    await purge(event_log, 8)
    async with following(event_log) as hub:
        frames = await until(hub.stream(PROJECT, cursor), "LIVE")
        assert words(frames) == ["RETENTION", "7", "8", "9", "LIVE"]
        assert frames[0].gap.missing_count == 4
        again = await until(hub.stream(PROJECT, frames[0].cursor), "LIVE")
        assert words(again) == ["7", "8", "9", "LIVE"]


async def test_so_it_is_where_the_limit_of_bytes_did_it(connect: Connect) -> None:
    event_log = await connect(event_max_bytes=20_000)
    await publish(event_log, said("first"))
    cursor = await cursor_after(event_log, "first")
    await publish(event_log, *(said("x" * 500) for _ in range(100)))
    async with following(event_log) as hub:
        found = words(await until(hub.stream(PROJECT, cursor), "LIVE"))
        assert found[0] == "RETENTION"
        assert 1 < len(found) < 60


async def test_a_log_that_is_empty_now_is_a_gap_too(event_log: EventLog) -> None:
    await publish(event_log, *(said(n) for n in range(10)))
    cursor = await cursor_after(event_log, "2")
    await event_log.jetstream.purge_stream(STREAM)
    async with following(event_log) as hub:
        frames = await until(hub.stream(PROJECT, cursor), "LIVE")
        assert words(frames) == ["RETENTION", "LIVE"]
        assert frames[0].gap.missing_count == 7


async def test_who_is_up_to_date_has_no_gap(event_log: EventLog) -> None:
    await publish(event_log, *(said(n) for n in range(10)))
    cursor = await cursor_after(event_log, "9")
    await event_log.jetstream.purge_stream(STREAM)
    async with following(event_log) as hub:
        assert words(await until(hub.stream(PROJECT, cursor), "LIVE")) == ["LIVE"]


async def test_a_story_from_its_beginning_has_a_gap_where_its_beginning_is_gone(
    event_log: EventLog,
) -> None:
    await asyncio.sleep(0.01)
    before = datetime.now(UTC) - timedelta(milliseconds=5)
    await publish(event_log, *(said(n) for n in range(4)))
    await asyncio.sleep(0.02)
    after = datetime.now(UTC)
    async with following(event_log) as hub:
        whole = await until(hub.stream(PROJECT, since=before), "LIVE")
        assert words(whole) == ["0", "1", "2", "3", "LIVE"]
        await purge(event_log, 4)
        cut = await until(hub.stream(PROJECT, since=before), "LIVE")
        assert words(cut) == ["RETENTION", "3", "LIVE"]
        await event_log.jetstream.purge_stream(STREAM)
        gone = await until(hub.stream(PROJECT, since=before), "LIVE")
        assert words(gone) == ["RETENTION", "LIVE"]
        later = await until(hub.stream(PROJECT, since=after), "LIVE")
        assert words(later) == ["LIVE"], "nothing of a younger story can be gone"


async def test_who_reads_from_the_start_takes_what_there_is(event_log: EventLog) -> None:
    await publish(event_log, *(said(n) for n in range(4)))
    await purge(event_log, 3)
    async with following(event_log) as hub:
        found = await until(hub.stream(PROJECT, from_start=True), "LIVE")
        assert words(found) == ["2", "3", "LIVE"]


async def test_a_cursor_of_a_log_that_was_replaced_starts_over_and_says_so(
    event_log: EventLog,
) -> None:
    await publish(event_log, *(said(n) for n in range(10)))
    cursor = await cursor_after(event_log, "2")
    await make_anew(event_log)
    await publish(event_log, said("new a"), said("new b"))
    async with following(event_log) as hub:
        frames = await until(hub.stream(PROJECT, cursor), "LIVE")
        assert words(frames) == ["LOG_REPLACED", "new a", "new b", "LIVE"]
        again = await until(hub.stream(PROJECT, frames[1].cursor), "LIVE")
        assert words(again) == ["new b", "LIVE"]


async def test_a_live_stream_goes_on_with_all_of_the_new_log(
    event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.mesh.events.pull.HEARTBEAT_S", 0.2)
    await publish(event_log, *(said(n) for n in range(10)))
    async with following(event_log) as hub:
        stream = hub.stream(PROJECT)
        assert words(await take(stream, 1)) == ["LIVE"]
        await make_anew(event_log)
        await publish(event_log, said("new a"), said("new b"))
        frames = await until(stream, "new b")
        assert words(frames) == ["LOG_REPLACED", "new a", "new b"]
        resumed = words(await until(hub.stream(PROJECT, frames[1].cursor), "new b"))
        assert [word for word in resumed if word != "LIVE"] == ["new b"]


async def test_what_was_removed_while_the_hub_was_away_is_no_silent_hole(
    event_log: EventLog,
) -> None:
    hub = Hub(event_log, MeshSettings())
    seen: list[str] = []
    async with running(hub.run()):
        stream = hub.stream(PROJECT)
        await take(stream, 1)
        await publish(event_log, said("a"))
        seen += words(await take(stream, 1))
    await publish(event_log, said("lost"), said("b"))
    await purge(event_log, 3)
    cursor = ""
    async with running(hub.run()):
        await eventually(lambda: hub._ring.last_sequence == 3)
        try:
            async for frame in stream:
                seen.append(what(frame))
        except Exception as error:
            cursor = getattr(error, "metadata", {})["cursor"]
        seen += words(await until(hub.stream(PROJECT, cursor), "LIVE"))
    assert seen == ["a", "RETENTION", "b", "LIVE"]


async def test_a_stream_that_was_made_by_other_hands_is_followed_too(event_log: EventLog) -> None:
    await event_log.jetstream.delete_stream(STREAM)
    config = api.StreamConfig(name=STREAM, subjects=["adjutant.event.>"], allow_direct=True)
    async with following(event_log) as hub:
        await asyncio.sleep(0.3)
        await event_log.jetstream.add_stream(config)
        stream = hub.stream(PROJECT)
        await take(stream, 1)
        await publish(event_log, said("a"))
        assert words(await take(stream, 1)) == ["a"]


async def test_a_story_ends_also_where_retention_removed_all_of_it(event_log: EventLog) -> None:
    began = datetime.now(UTC)
    await publish(event_log, became(task_pb2.TASK_STATE_COMPLETED), said("of another task"))
    await purge(event_log, 2)
    over = dataclasses.replace(ENDING, is_over=True)
    async with following(event_log, event_buffer_size=16) as hub, asyncio.timeout(PATIENCE_S):
        stream = hub.stream(Filter(PARENT, task=TASK), since=began, ending=over)
        assert words([frame async for frame in stream]) == ["RETENTION", "LIVE"]
