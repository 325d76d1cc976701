"""Limits on shared buckets: replicas agree, and each goes on alone when there is nobody to ask."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog
from services.mesh.identity import ApiKeyGrant, Kind, Principal
from services.mesh.limits import Limits, SharedBuckets
from services.mesh.limits.bucket import Rate
from services.mesh.limits.local import CHUNKS
from services.mesh.limits.shared import STREAM, key_of
from tests.integration.mesh.conftest import Connect, NatsOfOne

ADA = Principal("users/ada", Kind.USER, "https://issuer.example")
BOB = Principal("users/bob", Kind.USER, "https://issuer.example")
KEY = Principal(
    "clients/acme/apiKeys/k-1",
    Kind.API_KEY,
    "clients/acme/apiKeys/k-1",
    api_key=ApiKeyGrant("k1", "clients/acme", frozenset()),
)
OWNER = Principal("users/owner", Kind.USER, "owner token", administrator=True)
SERVICE = Principal("services/orchestrator", Kind.SERVICE, "service token")
ACME = "clients/acme"
# Next to nothing comes back while a test runs: an hour's worth in a burst.
SLOW: dict[str, Any] = {
    "rate_limit_user_per_minute": 2.0,
    "rate_limit_key_per_minute": 4.0,
    "rate_limit_client_per_minute": 1000.0,
    "rate_limit_failures_per_minute": 1.0,
    "rate_limit_burst_s": 3000.0,
}
USER_BURST, KEY_BURST, FAILURES_BURST = 100, 200, 50

Replica = Callable[..., Any]


@pytest.fixture
def replica(connect: Connect) -> Replica:
    """Make one replica's limits, on a connection of its own."""

    async def make(log: EventLog | None = None, **settings: Any) -> Limits:
        event_log = log or await connect()
        return Limits(MeshSettings(**{**SLOW, **settings}), SharedBuckets(event_log))

    return make


async def check(limits: Limits, who: Principal, client: str, cost: float = 1) -> None:
    """Count a call as the door does: for its caller, then for its client."""
    for bucket in (limits.of_caller(who), limits.of_client(who, client)):
        if bucket:
            await limits.spend(bucket, cost)


async def let_through(limits: Limits, calls: int, cost: float = 1, who: Principal = ADA) -> int:
    """Call so often, and return how often it was let through."""
    done = 0
    for _ in range(calls):
        try:
            await check(limits, who, ACME, cost)
        except AdjutantError as error:
            assert error.reason == "RATE_LIMITED"
        else:
            done += 1
    return done


async def test_a_user_gets_the_burst_and_is_told_when_to_come_again(replica: Replica) -> None:
    limits = await replica()
    assert await let_through(limits, USER_BURST) == USER_BURST
    with pytest.raises(AdjutantError, match="RATE_LIMITED: You call more often") as caught:
        await check(limits, ADA, ACME)
    assert caught.value.metadata == {"limit": "user", "per_minute": "2"}
    assert caught.value.retry_after_s is not None
    assert 20 < caught.value.retry_after_s <= 30
    await check(limits, BOB, ACME)


async def test_a_key_has_a_limit_of_its_own_and_a_client_one_for_all(replica: Replica) -> None:
    limits = await replica(rate_limit_client_per_minute=5.0)
    assert await let_through(limits, 300, who=KEY) == KEY_BURST
    with pytest.raises(AdjutantError) as caught:
        await check(limits, KEY, "clients/other")
    assert caught.value.metadata["limit"] == "key"
    assert await let_through(limits, 300, who=ADA) == 50
    with pytest.raises(AdjutantError) as caught:
        await check(limits, BOB, ACME)
    assert caught.value.metadata["limit"] == "client"
    await check(limits, BOB, "clients/other")


async def test_who_is_refused_by_one_limit_takes_nothing_from_the_other(replica: Replica) -> None:
    limits = await replica(rate_limit_client_per_minute=5.0)
    assert await let_through(limits, 500, who=ADA) == USER_BURST
    assert await let_through(limits, 500, who=BOB) == USER_BURST
    assert await let_through(limits, 500, who=KEY) == 50


async def test_a_dear_call_takes_more(replica: Replica) -> None:
    limits = await replica()
    assert await let_through(limits, 30, cost=10) == USER_BURST // 10


async def test_a_call_dearer_than_the_burst_takes_all_of_it(replica: Replica) -> None:
    limits = await replica()
    assert await let_through(limits, 2, cost=1000) == 1


async def test_administrators_and_services_are_not_counted(replica: Replica) -> None:
    limits = await replica()
    assert await let_through(limits, 1000, who=OWNER) == 1000
    assert await let_through(limits, 1000, who=SERVICE) == 1000


async def test_no_limit_is_no_limit(replica: Replica) -> None:
    limits = await replica(rate_limit_user_per_minute=0, rate_limit_client_per_minute=0)
    assert await let_through(limits, 1000) == 1000


async def test_most_calls_ask_nobody(replica: Replica, connect: Connect) -> None:
    limits = await replica()
    bucket = limits.of_caller(ADA)
    assert bucket is not None
    waited = 0
    for _ in range(USER_BURST):
        if not bucket.spend(1):
            waited += 1
            await limits.spend(bucket, 1)
        await asyncio.sleep(
            0.002
        )  # calls come one after the other, not all in one turn of the loop
    assert waited <= 1 + 2, "the first, and no other but by a hiccup"


async def test_two_replicas_let_through_what_one_would(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy this machine is: who asks waits for the answer.
    monkeypatch.setattr("services.mesh.limits.limits.WAIT_S", 30.0)
    monkeypatch.setattr("services.mesh.limits.shared.TIMEOUT_S", 30.0)
    monkeypatch.setattr("services.mesh.limits.shared.OPEN_TIMEOUT_S", 30.0)
    one, two = await replica(), await replica()
    counts = await asyncio.gather(*(let_through(one, 20) for _ in range(10)), let_through(two, 200))
    total = sum(counts)
    assert total >= USER_BURST - 2 * (USER_BURST // CHUNKS)
    left = await let_through(one, 50) + await let_through(two, 50)
    assert total + left <= USER_BURST + 1, "what the bucket gave is all that was spent"


async def test_a_bucket_tells_nobodys_name_and_any_name_will_do(connect: Connect) -> None:
    event_log = await connect()
    shared = SharedBuckets(event_log)
    name = "users/ada lovelace@example.com/*>"
    await shared.take(key_of("user", name), Rate(1, 10), 1, 1)
    info = await event_log.jetstream.stream_info(STREAM, subjects_filter=">")
    assert info.state.subjects is not None
    assert not any("ada" in subject for subject in info.state.subjects)
    assert len(info.state.subjects) == 2


async def test_replicas_whose_clocks_differ_agree(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = SharedBuckets(await connect()), SharedBuckets(await connect())
    rate = Rate(1.0, 100.0)
    first = await one.take("user.x", rate, 1, 100)
    present = time.monotonic
    monkeypatch.setattr("services.mesh.limits.shared.time.monotonic", lambda: present() + 5000)
    second = await two.take("user.x", rate, 1, 100)
    assert first is not None
    assert second is not None
    assert first.units == 100
    assert second.units < 5


async def test_a_credential_that_is_guessed_gets_slow(replica: Replica) -> None:
    limits = await replica()
    refused = 0
    for _ in range(FAILURES_BURST + 20):
        try:
            limits.check_stranger("ipv4:10.0.0.7")
        except AdjutantError as error:
            assert error.reason == "RATE_LIMITED"
            assert error.metadata["limit"] == "failures"
            refused += 1
        else:
            limits.failed("ipv4:10.0.0.7")
        await asyncio.sleep(0.005)
    assert refused >= 15
    limits.check_stranger("ipv4:10.0.0.8")


async def test_each_goes_on_alone_while_nobody_can_be_asked(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    logs = [await connect(own_nats.url), await connect(own_nats.url)]
    one, two = (Limits(MeshSettings(**SLOW), SharedBuckets(log)) for log in logs)
    assert await let_through(one, 10) == 10
    own_nats.kill()
    began = time.monotonic()
    assert await let_through(one, 300) <= USER_BURST
    assert 80 <= await let_through(two, 300) <= USER_BURST
    assert await let_through(two, 10, who=BOB) == 10
    assert time.monotonic() - began < 10
    await own_nats.start()
    async with asyncio.timeout(30):
        while True:
            shared = two._shared
            grant = await shared.take("user.again", Rate(1, 10), 1, 1)
            if grant is not None:
                break
            await asyncio.sleep(0.05)


async def test_a_server_that_does_not_answer_is_not_waited_for_each_time(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = await replica()
    await check(limits, ADA, ACME)
    asked = asyncio.Event()

    async def slow(*_: Any) -> None:
        asked.set()
        await asyncio.sleep(0.25)  # and then it is known to be away

    monkeypatch.setattr(limits._shared, "take", slow)
    assert USER_BURST / 2 < await let_through(limits, 300) <= USER_BURST
    assert asked.is_set()


async def test_what_was_lent_is_paid_back(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = await replica()
    works = limits._shared.take

    async def late(*values: Any) -> Any:
        await asyncio.sleep(0.05)
        return await works(*values)

    monkeypatch.setattr(limits._shared, "take", late)
    assert USER_BURST <= await let_through(limits, 300) <= USER_BURST + USER_BURST // CHUNKS
    await asyncio.sleep(0.2)
    other = await replica()
    # What was lent since the last chunk was asked for is paid back with the next.
    assert await let_through(other, 200) <= USER_BURST // CHUNKS
