"""The event log on a real nats-server."""

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog
from services.mesh.events.envelope import subject_of
from services.mesh.events.log import STREAM
from services.mesh.events.pull import ConsumerLostError
from services.ports import free_port_base
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import eventually, in_log, publish, said, text_of


async def test_an_empty_log_has_a_state(event_log: EventLog) -> None:
    state = await event_log.state()
    assert (state.first_sequence, state.last_sequence) == (0, 0)
    assert len(state.epoch) == 8


async def test_its_limit_may_be_more_than_the_disk_has(connect: Connect) -> None:
    beyond = shutil.disk_usage("/").total * 2
    async with asyncio.timeout(10):
        assert await (await connect(event_max_bytes=min(beyond, 2**39))).state()


async def test_it_keeps_events_in_the_order_they_came(event_log: EventLog) -> None:
    events = [said(n) for n in range(700)]
    last = await publish(event_log, *events)
    state = await event_log.state()
    assert (state.first_sequence, state.last_sequence) == (1, last) == (1, 700)
    assert await in_log(event_log) == [str(n) for n in range(700)]


async def test_it_is_read_from_one_place_to_another(event_log: EventLog) -> None:
    await publish(event_log, *(said(n, run=f"r-{n % 2}") for n in range(10)))
    subject = subject_of(said("", run="r-1"))
    found = [entry async for entry in event_log.read([subject], 3, 8)]
    assert [text_of(entry.event) for entry in found] == ["3", "5", "7"]
    assert [entry.sequence for entry in found] == [4, 6, 8]
    assert [entry async for entry in event_log.read([subject], 11, 20)] == []


async def test_its_readers_leave_nothing_behind(event_log: EventLog) -> None:
    await publish(event_log, *(said(n) for n in range(5)))
    await in_log(event_log)
    assert await event_log.jetstream.consumers_info(STREAM) == []


async def test_it_knows_the_newest_event_on_a_subject(event_log: EventLog) -> None:
    await publish(event_log, said("a"), said("b"), said("c", run="r-2"))
    newest = await event_log.last_entry(subject_of(said("")))
    assert newest
    assert (newest.sequence, text_of(newest.event)) == (2, "b")
    assert await event_log.last_entry(subject_of(said("", run="r-3"))) is None


async def test_it_knows_whether_it_holds_an_event(event_log: EventLog) -> None:
    held, other = said("held"), said("other")
    await publish(event_log, said("before"), held, said("after"))
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert await event_log.contains(subject_of(held), held.event_id, since)
    assert not await event_log.contains(subject_of(held), other.event_id, since)
    assert not await event_log.contains(subject_of(said("", run="r-9")), held.event_id, since)


async def test_its_limits_are_settings(connect: Connect) -> None:
    await connect()
    event_log = await connect(event_max_age_s=3600, event_max_bytes=10_000, event_dedup_window_s=60)
    config = (await event_log.jetstream.stream_info(STREAM)).config
    assert (config.max_age, config.max_bytes, config.duplicate_window) == (3600, 10_000, 60)
    await publish(event_log, *(said("x" * 500) for _ in range(40)))
    state = await event_log.state()
    assert 1 < state.first_sequence < state.last_sequence == 40


async def test_an_age_below_the_dedup_window_is_no_contradiction(connect: Connect) -> None:
    async with asyncio.timeout(5):
        event_log = await connect(event_max_age_s=5)
    config = (await event_log.jetstream.stream_info(STREAM)).config
    assert config.max_age == 5


async def test_a_log_that_was_made_anew_has_another_epoch(event_log: EventLog) -> None:
    before = await event_log.state()
    assert (await event_log.state()).epoch == before.epoch
    await event_log.jetstream.delete_stream(STREAM)
    await event_log._ensure_streams()
    assert (await event_log.state()).epoch != before.epoch


async def test_several_services_may_make_it_at_once(connect: Connect) -> None:
    logs = await asyncio.gather(*(connect() for _ in range(5)))
    assert len({(await event_log.state()).epoch for event_log in logs}) == 1


async def test_it_is_waited_for_where_the_server_is_late(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    await own_nats.stop()
    connecting = asyncio.create_task(connect(own_nats.url))
    await asyncio.sleep(0.3)
    assert not connecting.done()
    await own_nats.start()
    await publish(await connecting, said("at last"))


async def test_a_wait_for_the_server_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port_base()
    settings = MeshSettings(nats_url=f"nats://secret@127.0.0.1:{port}")
    waiting = asyncio.create_task(EventLog.connect(settings))
    await eventually(lambda: bool(caplog.messages))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert caplog.messages == [
        f"nothing answers at 127.0.0.1:{port}; waiting for the event log there"
    ]


async def test_a_token_that_is_not_accepted_is_told_once(
    own_nats: NatsOfOne, caplog: pytest.LogCaptureFixture
) -> None:
    settings = MeshSettings(nats_url=own_nats.url.replace("a-token", "wrong"))
    waiting = asyncio.create_task(EventLog.connect(settings))
    await eventually(lambda: bool(caplog.messages))
    await asyncio.sleep(0.3)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    told = [message for message in caplog.messages if "does not let this service in" in message]
    assert len(told) == 1
    assert "ADJUTANT_NATS_TOKEN_FILE" in told[0]
    assert "wrong" not in told[0]


async def test_a_server_that_is_away_is_told_and_comes_back(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    event_log = await connect(own_nats.url)
    await publish(event_log, said("kept"))
    back: list[bool] = []
    event_log.on_reconnect(lambda: back.append(True))
    own_nats.kill()
    with pytest.raises(AdjutantError) as caught:
        await event_log.state()
    assert caught.value.reason == "EVENT_LOG_UNAVAILABLE"
    assert caught.value.retry_after_s
    await own_nats.start()
    await eventually(lambda: back)
    assert await in_log(event_log) == ["kept"]


async def test_a_reader_whose_connection_is_lost_is_told_and_misses_nothing(
    connect: Connect, event_log: EventLog
) -> None:
    last = await publish(event_log, *(said(f"{n} {'x' * 200}") for n in range(900)))
    reader = await connect()
    connection: Any = reader.client._transport
    seen: list[int] = []

    async def read() -> None:
        async for entry in reader.read(["adjutant.event.>"], 1, last):
            seen.append(entry.sequence)
            if len(seen) == 5:  # what the server sends from here on stays on the way
                connection._io_writer.transport.pause_reading()
            elif len(seen) == 6:
                connection._io_writer.transport.abort()

    with pytest.raises(ConsumerLostError):
        await read()
    rest = reader.read(["adjutant.event.>"], seen[-1] + 1, last)
    seen += [entry.sequence async for entry in rest]
    assert seen == list(range(1, last + 1))
