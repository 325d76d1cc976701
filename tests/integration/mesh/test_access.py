"""Who may do what, in every process: the bucket and its copies, on a real nats-server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.mesh.access.bucket import PolicyBucket
from services.mesh.access.policy import Key, Node
from services.mesh.access.replica import Replica
from services.mesh.errors import AdjutantError
from services.mesh.events import EventLog
from tests.integration.mesh.conftest import Connect, NatsOfOne
from tests.integration.mesh.harness import PATIENCE_S, eventually, running

ACME = "clients/acme"
KEY = Key(
    name=f"{ACME}/apiKeys/k1",
    revision=1,
    key_id="k1",
    scope=ACME,
    permissions=[12],
    salt="00",
    digest="00",
)


def acme(revision: int, **members: str) -> Node:
    return Node(name=ACME, revision=revision, members=members)


@pytest.fixture
async def replica(connect: Connect) -> AsyncIterator[Replica]:
    made = Replica(await connect(), max_stale_s=60)
    async with running(made.run()):
        async with asyncio.timeout(PATIENCE_S):
            await made.loaded.wait()
        yield made


async def test_what_is_put_is_known_everywhere(event_log: EventLog, replica: Replica) -> None:
    changes = []
    replica.on_change(lambda: changes.append(1))
    bucket = PolicyBucket(event_log)
    await bucket.put(acme(1, ada="OWNER"))
    await bucket.put(KEY)
    await eventually(lambda: replica.node(ACME) and replica.key("k1"))
    assert replica.node(ACME) == acme(1, ada="OWNER")
    assert replica.key("k1") == KEY
    assert len(changes) == 2


async def test_a_copy_made_later_knows_the_newest(event_log: EventLog, connect: Connect) -> None:
    bucket = PolicyBucket(event_log)
    for revision in range(1, 4):
        await bucket.put(acme(revision))
    late = Replica(await connect(), max_stale_s=60)
    async with running(late.run()), asyncio.timeout(PATIENCE_S):
        await late.loaded.wait()
        assert late.node(ACME) == acme(3)


async def test_an_older_revision_never_comes_back(event_log: EventLog, connect: Connect) -> None:
    first, second = PolicyBucket(event_log), PolicyBucket(await connect())
    revisions = [*range(1, 21)]
    await asyncio.gather(
        *(first.put(acme(revision)) for revision in revisions),
        *(second.put(acme(revision)) for revision in reversed(revisions)),
    )
    assert await first.get(ACME) == acme(20)
    await second.put(acme(7))
    assert await first.get(ACME) == acme(20)


async def test_what_has_not_come_yet_is_read_from_the_bucket(
    event_log: EventLog, connect: Connect
) -> None:
    deaf = Replica(await connect(), max_stale_s=60)  # it does not follow
    bucket = PolicyBucket(event_log)
    await bucket.put(KEY)
    await bucket.put(acme(1))
    assert await deaf.find_key("k1") == KEY
    await deaf.refresh(ACME)
    assert deaf.node(ACME) == acme(1)
    assert await deaf.find_key("no-such") is None


async def test_what_somebody_removed_from_the_bucket_is_put_anew(event_log: EventLog) -> None:
    bucket = PolicyBucket(event_log)
    await bucket.put(acme(1))
    await (await bucket.open()).delete(ACME)
    assert await bucket.get(ACME) is None
    async with asyncio.timeout(PATIENCE_S):
        await bucket.put(acme(2))
    assert await bucket.get(ACME) == acme(2)


async def test_what_cannot_be_read_is_passed_over(event_log: EventLog, replica: Replica) -> None:
    bucket = PolicyBucket(event_log)
    await (await bucket.open()).put("clients/broken", b"{")
    await bucket.put(acme(1))
    await eventually(lambda: replica.node(ACME))
    assert replica.node("clients/broken") is None


async def test_without_the_event_log_the_last_known_holds_for_a_while(
    own_nats: NatsOfOne, connect: Connect
) -> None:
    event_log = await connect(own_nats.url)
    await PolicyBucket(event_log).put(acme(1))
    replica = Replica(event_log, max_stale_s=1.0)
    async with running(replica.run()):
        await eventually(lambda: replica.node(ACME))
        own_nats.kill()
        replica.check_fresh()
        assert replica.node(ACME) == acme(1)
        await eventually(lambda: is_unknown(replica))
        await own_nats.start()
        await eventually(lambda: not is_unknown(replica))
        await PolicyBucket(event_log).put(acme(2))
        await eventually(lambda: replica.node(ACME) == acme(2))


def is_unknown(replica: Replica) -> bool:
    try:
        replica.check_fresh()
    except AdjutantError as error:
        assert error.reason == "ACCESS_UNKNOWN"
        return True
    return False
