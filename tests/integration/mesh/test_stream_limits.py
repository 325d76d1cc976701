"""Streams at once: counted for all replicas together, and forgotten with those who died."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal
from services.mesh.limits import Streams
from services.mesh.limits.shared import key_of
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import eventually, running

ADA = Principal("users/ada", Kind.USER, "https://issuer.example")
BOB = Principal("users/bob", Kind.USER, "https://issuer.example")
KEY = Principal("clients/acme/apiKeys/k-1", Kind.API_KEY, "clients/acme/apiKeys/k-1")
OWNER = Principal("users/owner", Kind.USER, "owner token", administrator=True)
ACME = "clients/acme"
OF_ADA = key_of("user", ADA.name)
FEW: dict[str, Any] = {"max_streams_user": 3, "max_streams_key": 4, "max_streams_client": 6}


@contextlib.asynccontextmanager
async def counting(
    connect: Connect, *url: str, ttl_s: float = 15.0, **settings: Any
) -> AsyncIterator[Streams]:
    streams = Streams(await connect(*url), MeshSettings(**{**FEW, **settings}), ttl_s=ttl_s)
    async with running(streams.run()):
        yield streams


def refused(streams: Streams, who: Principal, client: str = ACME) -> AdjutantError:
    with pytest.raises(AdjutantError) as caught:
        streams.open(who, client)
    assert caught.value.reason == "TOO_MANY_STREAMS"
    assert caught.value.retry_after_s
    return caught.value


async def test_a_user_has_so_many_and_another_when_one_ends(connect: Connect) -> None:
    async with counting(connect) as streams:
        opened = [streams.open(ADA, ACME) for _ in range(3)]
        assert refused(streams, ADA).metadata == {"limit": "user", "most": "3"}
        streams.close(opened.pop())
        streams.open(ADA, "clients/other")
        refused(streams, ADA)


async def test_keys_and_clients_have_limits_of_their_own(connect: Connect) -> None:
    async with counting(connect) as streams:
        for _ in range(4):
            streams.open(KEY, ACME)
        assert refused(streams, KEY).metadata["limit"] == "key"
        for _ in range(2):
            streams.open(ADA, ACME)
        assert refused(streams, ADA).metadata == {"limit": "client", "most": "6"}
        streams.open(ADA, "clients/other")
        for _ in range(50):
            streams.open(OWNER, ACME)


async def test_a_client_may_have_the_subscribers_of_a_session(connect: Connect) -> None:
    streams = Streams(await connect(), MeshSettings())
    for number in range(1000):
        streams.open(Principal(f"users/u{number}", Kind.USER, ""), ACME)
    for _ in range(1000):
        streams.open(KEY, ACME)


async def test_replicas_count_together(connect: Connect) -> None:
    async with counting(connect) as one, counting(connect) as two:
        opened = [one.open(ADA, ACME), one.open(ADA, ACME)]
        await eventually(lambda: two.count(OF_ADA) == 2)
        two.open(ADA, ACME)
        refused(two, ADA)
        await eventually(lambda: one.count(OF_ADA) == 3)
        refused(one, ADA)
        for stream in opened:
            one.close(stream)
        await eventually(lambda: two.count(OF_ADA) == 1)
        two.open(ADA, ACME)


async def test_a_replica_that_comes_later_hears_of_those_before(connect: Connect) -> None:
    async with counting(connect) as one:
        one.open(ADA, ACME)
        async with counting(connect) as two:
            await eventually(lambda: two.count(OF_ADA) == 1)


async def test_one_that_goes_is_forgotten_at_once(connect: Connect) -> None:
    async with counting(connect) as one:
        async with counting(connect) as two:
            two.open(ADA, ACME)
            await eventually(lambda: one.count(OF_ADA) == 1)
        await two.leave()
        await eventually(lambda: one.count(OF_ADA) == 0)


async def test_one_that_died_is_forgotten_and_one_that_lives_is_not(connect: Connect) -> None:
    async with counting(connect, ttl_s=1.0) as one, counting(connect, ttl_s=1.0) as living:
        async with counting(connect, ttl_s=1.0) as dying:
            dying.open(ADA, ACME)
            living.open(BOB, ACME)
            await eventually(lambda: one.count(OF_ADA) == 1)
        # It ended without a word.
        await eventually(lambda: one.count(OF_ADA) == 0)
        await asyncio.sleep(1.5)
        assert one.count(key_of("user", BOB.name)) == 1
        assert list(one._others) != []


async def test_each_counts_alone_while_nobody_can_be_asked(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    async with (
        counting(connect, own_nats.url, ttl_s=1.0) as one,
        counting(connect, own_nats.url, ttl_s=1.0) as two,
    ):
        one.open(ADA, ACME)
        await eventually(lambda: two.count(OF_ADA) == 1)
        own_nats.kill()
        await eventually(lambda: two.count(OF_ADA) == 0)
        for _ in range(3):
            two.open(ADA, ACME)
        refused(two, ADA)
        await own_nats.start()
        await eventually(lambda: one.count(OF_ADA) == 4)
        refused(one, ADA)
