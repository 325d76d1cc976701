"""The relay: what a store committed reaches the log once, in order, whatever crashes."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog, Relay
from services.mesh.store import OutboxEntry, SqliteStore, Store, now
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import PATIENCE_S, in_log, publish, running, said
from tests.support.stores import Open
from tests.unit.mesh.conftest import NOTES, note

TINY_WINDOW_S = 1.0


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica([NOTES])


def relay_of(store: Store, event_log: EventLog, **settings: float) -> Relay:
    return Relay(store, event_log, MeshSettings.model_validate(settings))


def size(store: Store, count: int) -> int:
    """Return how much of a load a store gets: the MongoDB of the tests looks at every document."""
    return count if isinstance(store, SqliteStore) else count // 10


async def commit(store: Store, *events: event_pb2.Event) -> None:
    """Make a record and announce it with events."""
    await store.insert(NOTES, note(f"n-{now().timestamp()}-{id(events)}"), events=events)


async def published(store: Store) -> None:
    """Wait until nothing waits any more."""
    async with asyncio.timeout(PATIENCE_S):
        while await store.outbox(1):
            await asyncio.sleep(0.01)


def dies_before_clearing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the relay killed where it hurts: the events are out, the outbox does not know."""

    async def die(positions: Sequence[object]) -> None:
        raise SystemExit

    monkeypatch.setattr(store, "clear_outbox", die)


async def test_a_commit_is_published_at_once_and_in_order(
    store: Store, event_log: EventLog
) -> None:
    async with running(relay_of(store, event_log).run()):
        for n in range(0, 30, 3):
            await commit(store, said(n), said(n + 1), said(n + 2))
        await published(store)
    assert await in_log(event_log) == [str(n) for n in range(30)]


async def test_what_waited_while_nobody_ran_is_published_in_order(
    store: Store, event_log: EventLog
) -> None:
    for n in range(0, 1000, 50):
        await commit(store, *(said(k) for k in range(n, n + 50)))
    async with running(relay_of(store, event_log).run()):
        await published(store)
    assert await in_log(event_log) == [str(n) for n in range(1000)]


async def test_a_stop_publishes_what_waits(store: Store, event_log: EventLog) -> None:
    await commit(store, said("last words"))
    await relay_of(store, event_log).drain()
    assert await in_log(event_log) == ["last words"]
    assert await store.outbox(1) == []


async def test_what_another_replica_left_behind_is_found(
    store: Store, event_log: EventLog, monkeypatch: pytest.MonkeyPatch, open_replica: Open
) -> None:
    monkeypatch.setattr("services.mesh.events.outbox.SWEEP_S", 0.05)
    other = await open_replica([NOTES])
    async with running(relay_of(store, event_log).run()):
        await asyncio.sleep(0.1)
        await commit(other, said("orphan"))
        await published(store)
    assert await in_log(event_log) == ["orphan"]


async def test_two_replicas_publish_each_event_once(
    store: Store, event_log: EventLog, connect: Connect, open_replica: Open
) -> None:
    two, other = await connect(), await open_replica([NOTES])
    async with running(relay_of(store, event_log).run(), relay_of(other, two).run()):
        total = size(store, 200)
        for n in range(total):
            await commit(store, said(n))
        await published(store)
    assert await in_log(event_log) == [str(n) for n in range(total)]


async def test_killed_between_publish_and_clear_it_publishes_once(
    store: Store, event_log: EventLog
) -> None:
    await commit(store, said("a"), said("b"))
    with pytest.MonkeyPatch.context() as patch:
        dies_before_clearing(store, patch)
        with pytest.raises(SystemExit):
            await relay_of(store, event_log).drain()
    assert len(await store.outbox(10)) == 2
    await commit(store, said("c"))
    await relay_of(store, event_log).drain()
    assert await in_log(event_log) == ["a", "b", "c"]


async def test_also_where_it_comes_back_after_the_logs_own_window(
    store: Store, connect: Connect
) -> None:
    event_log = await connect(event_dedup_window_s=TINY_WINDOW_S)
    first = said("a")
    await commit(store, first, said("b"))
    with pytest.MonkeyPatch.context() as patch:
        dies_before_clearing(store, patch)
        with pytest.raises(SystemExit):
            await relay_of(store, event_log, event_dedup_window_s=TINY_WINDOW_S).drain()
    await asyncio.sleep(TINY_WINDOW_S + 0.5)
    await publish(event_log, first)
    assert await in_log(event_log) == ["a", "b", "a"], "the window is over: the log repeats itself"
    await commit(store, said("c"))
    await relay_of(store, event_log, event_dedup_window_s=TINY_WINDOW_S).drain()
    assert await in_log(event_log) == ["a", "b", "a", "c"]


async def test_what_waited_long_and_was_never_published_is_published(
    store: Store, connect: Connect
) -> None:
    event_log = await connect(event_dedup_window_s=TINY_WINDOW_S)
    old = said("old")
    old.time.FromDatetime(datetime.now(UTC) - timedelta(days=2))
    await commit(store, old)
    await relay_of(store, event_log, event_dedup_window_s=TINY_WINDOW_S).drain()
    assert await in_log(event_log) == ["old"]


async def test_order_and_count_survive_kills_of_the_server(
    store: Store, own_nats: NatsOfOne, connect: Connect
) -> None:
    event_log = await connect(own_nats.url)
    total = size(store, 1500)

    async def write() -> None:
        for n in range(0, total, 5):
            await commit(store, *(said(k) for k in range(n, n + 5)))
            if n % 50 == 0:
                await asyncio.sleep(0.005)

    async with running(relay_of(store, event_log).run()):
        writing = asyncio.create_task(write())
        for _ in range(3):
            await asyncio.sleep(0.15)
            own_nats.kill()
            await asyncio.sleep(0.05)
            await own_nats.start()
        await writing
        await published(store)
    assert await in_log(event_log) == [str(n) for n in range(total)]


async def test_an_event_carries_the_headers_of_its_commit(
    store: Store, event_log: EventLog
) -> None:
    await commit(store, said("a"))
    (entry,) = await store.outbox(1)
    assert isinstance(entry, OutboxEntry)
    await relay_of(store, event_log).drain()
    (found,) = [found async for found in event_log.read(["adjutant.event.>"], 1, 1)]
    assert found.headers == {**entry.headers, "Nats-Msg-Id": entry.event.event_id}
