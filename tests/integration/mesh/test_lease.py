"""Leases: one holder at a time, and a token that grows."""

import asyncio
import pathlib
from typing import Any

import pytest
from nats.js.kv import KeyValue

from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog
from services.mesh.lease import BUCKET, Lease, Leases
from services.mesh.store import open_store
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import PATIENCE_S, eventually
from tests.unit.mesh.conftest import NOTES, note

KEY = "tasks.t-1"
TTL_S = 1.0
LONG_TTL_S = 6.0
"""Much longer than what a test does after a third of it."""


def leases(event_log: EventLog, holder: str, ttl_s: float = TTL_S) -> Leases:
    return Leases(event_log, holder, ttl_s)


async def acquired(of: Leases, key: str = KEY) -> Lease:
    """Wait until the lease can be had."""
    async with asyncio.timeout(PATIENCE_S):
        while (lease := await of.acquire(key)) is None:
            await asyncio.sleep(0.05)
    return lease


async def test_one_holds_it_and_no_other(event_log: EventLog) -> None:
    lease = await leases(event_log, "a").acquire(KEY)
    assert lease
    assert lease.valid
    lease.check()
    assert await leases(event_log, "b").acquire(KEY) is None
    assert await leases(event_log, "b").acquire("tasks.t-2")


async def test_of_many_who_try_at_once_one_gets_it(event_log: EventLog) -> None:
    tries = (leases(event_log, str(n)).acquire(KEY) for n in range(20))
    assert sum(lease is not None for lease in await asyncio.gather(*tries)) == 1


async def test_given_back_it_can_be_had_at_once_with_a_higher_token(event_log: EventLog) -> None:
    a, b = leases(event_log, "a"), leases(event_log, "b")
    tokens = []
    for of in (a, b, a, b):
        lease = await of.acquire(KEY)
        assert lease
        tokens.append(lease.token)
        await of.release(lease)
    assert tokens == sorted(set(tokens))


async def test_not_renewed_it_lapses_and_its_holder_knows_before_others_can_have_it(
    event_log: EventLog,
) -> None:
    first = await acquired(leases(event_log, "a"))
    other = leases(event_log, "b")
    while await other.acquire(KEY) is None:
        was_valid = first.valid
        await asyncio.sleep(0.02)
    assert not first.valid
    assert not was_valid
    with pytest.raises(AdjutantError) as caught:
        first.check()
    assert caught.value.reason == "STALE_FENCE"


async def test_held_for_a_block_it_is_renewed(event_log: EventLog) -> None:
    other = leases(event_log, "b")
    async with leases(event_log, "a").held(KEY) as lease:
        assert lease
        for _ in range(10):
            await asyncio.sleep(TTL_S / 5)
            assert lease.valid
            assert await other.acquire(KEY) is None
    assert await other.acquire(KEY)


async def test_held_by_another_there_is_none(event_log: EventLog) -> None:
    async with leases(event_log, "a").held(KEY), leases(event_log, "b").held(KEY) as second:
        assert second is None
    async with leases(event_log, "b").held(KEY) as third:
        assert third


async def test_a_block_that_fails_gives_it_back(event_log: EventLog) -> None:
    with pytest.raises(KeyError):
        async with leases(event_log, "a").held(KEY):
            raise KeyError
    assert await leases(event_log, "b").acquire(KEY)


@pytest.mark.parametrize("ends", ["by itself", "cancelled"])
async def test_given_back_while_it_is_renewed_it_can_be_had_at_once(
    event_log: EventLog, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    renewing, go_on = asyncio.Event(), asyncio.Event()
    update = KeyValue.update

    async def answer_late(self: KeyValue, *arguments: Any, **options: Any) -> int:
        """Have the server renew it at once, and its answer on the way for a while."""
        revision = await update(self, *arguments, **options)
        renewing.set()
        await go_on.wait()
        return revision

    async def hold() -> None:
        async with leases(event_log, "a", ttl_s=LONG_TTL_S).held(KEY) as lease:
            assert lease
            await (asyncio.Event() if ends == "cancelled" else renewing).wait()

    monkeypatch.setattr(KeyValue, "update", answer_late)
    holding = asyncio.create_task(hold())
    await renewing.wait()
    if ends == "cancelled":
        holding.cancel()
    await asyncio.sleep(0.05)
    go_on.set()
    await asyncio.wait([holding])
    monkeypatch.undo()
    assert await leases(event_log, "b", ttl_s=LONG_TTL_S).acquire(KEY)


async def test_the_same_holder_takes_over_from_its_former_self(event_log: EventLog) -> None:
    former = await acquired(leases(event_log, "runner-7402"))
    latter = await leases(event_log, "runner-7402").acquire(KEY)
    assert latter
    assert latter.token > former.token


async def test_a_former_self_cannot_give_back_what_it_no_longer_has(event_log: EventLog) -> None:
    of = leases(event_log, "a")
    former = await acquired(of)
    await acquired(leases(event_log, "a"))
    await of.release(former)
    assert await leases(event_log, "b").acquire(KEY) is None


async def test_whoever_lost_it_stops_renewing(event_log: EventLog) -> None:
    async with leases(event_log, "a").held(KEY) as lease:
        assert lease
        await acquired(leases(event_log, "a"))
        await eventually(lambda: not lease.valid)


async def test_a_write_of_a_former_holder_is_refused(
    event_log: EventLog, tmp_path: pathlib.Path
) -> None:
    store = await open_store(tmp_path / "store.db", [NOTES])
    name = (await store.insert(NOTES, note("a"))).record.name
    a, b = leases(event_log, "a"), leases(event_log, "b")
    first = await acquired(a)
    await store.update(NOTES, name, lambda _: [], fence=first.token)
    await a.release(first)
    second = await acquired(b)
    await store.update(NOTES, name, lambda _: [], fence=second.token)
    with pytest.raises(AdjutantError) as caught:
        await store.update(NOTES, name, lambda _: [], fence=first.token)
    assert caught.value.reason == "STALE_FENCE"
    await store.close()


async def test_how_long_it_lasts_may_change_at_a_restart(event_log: EventLog) -> None:
    assert await leases(event_log, "a", ttl_s=60).acquire(KEY)
    assert await leases(event_log, "a", ttl_s=2).acquire(KEY)
    status = await (await event_log.jetstream.key_value(BUCKET)).status()
    assert status.ttl == 2


async def test_leases_survive_that_their_bucket_is_lost(event_log: EventLog) -> None:
    of = leases(event_log, "a")
    for _ in range(5):
        before = await acquired(of)
    await asyncio.sleep(1)  # buckets are told apart by the second that they were made in
    await event_log.jetstream.delete_key_value(BUCKET)
    with pytest.raises(AdjutantError, match="EVENT_LOG_UNAVAILABLE"):
        await of.acquire(KEY)
    after = await of.acquire(KEY)
    assert after
    assert after.token > before.token, "stores that have seen the old token take the new one"


async def test_a_killed_server_forgets_no_lease(own_nats: NatsOfOne, connect: Connect) -> None:
    event_log = await connect(own_nats.url)
    lease = await acquired(leases(event_log, "a", ttl_s=60))
    own_nats.kill()
    with pytest.raises(AdjutantError, match="EVENT_LOG_UNAVAILABLE"):
        await leases(event_log, "b", ttl_s=60).acquire(KEY)
    await own_nats.start()
    await eventually(lambda: event_log.client.is_connected)
    assert await leases(event_log, "b", ttl_s=60).acquire(KEY) is None
    again = await leases(event_log, "a", ttl_s=60).acquire(KEY)
    assert again
    assert again.token > lease.token


async def test_a_holder_that_was_replaced_knows_before_its_time_is_over(
    event_log: EventLog,
) -> None:
    former = leases(event_log, "a", ttl_s=3 * TTL_S)
    lease = await acquired(former)
    assert await leases(event_log, "a", ttl_s=3 * TTL_S).acquire(KEY), "its next self has it"
    async with asyncio.timeout(PATIENCE_S):
        await former._renew(lease, asyncio.Event())
    assert not lease.valid
