"""How many are made at once, where the others wait, and that they are told of it."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from services.mesh import tasks
from services.mesh.errors import AdjutantError
from services.mesh.names import child, new_id
from services.mesh.store import Store
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.responses.response import RESPONSES, ResponseRecord
from tests.integration.responses.conftest import Start
from tests.integration.responses.replicas import PATIENCE_S, Reader, Replica, Script, make_session


async def test_a_session_has_one_answer_at_a_time_and_the_next_one_knows_it(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    script = Script(["yes"])
    gate = script.hold(0)
    replicas = [await start(script), await start(script)]
    sent = [await replicas[n % 2].send(session, f"message {n}") for n in range(4)]
    await replicas[0].until(sent[0].name, "STREAMING")
    gate.set()
    for response in sent:
        await replicas[1].until(response.name, "COMPLETED")
    assert script.calls == [f"message {n}" for n in range(4)]
    assert script.most_running == 1


async def test_no_more_are_made_at_once_than_a_replica_may_and_readers_see_their_place(
    store: Store, start: Start
) -> None:
    script = Script(["yes"])
    gate = script.hold(0)
    replica = await start(script, at_once=2)
    sent = [await replica.send(await make_session(store, f"s{n}")) for n in range(5)]
    await asyncio.gather(*(replica.until(one.name, "STREAMING") for one in sent[:2]))
    readers = [Reader() for _ in sent]
    reading = [asyncio.create_task(_read(replica, sent[n].name, readers[n])) for n in range(5)]
    async with asyncio.timeout(PATIENCE_S):
        while [reader.positions for reader in readers[2:]] != [[1], [2], [3]]:
            await asyncio.sleep(0.01)
    assert script.running == 2
    assert [await replica.responses.place(one) for one in sent] == [0, 0, 1, 2, 3]
    gate.set()
    await asyncio.gather(*reading)
    assert script.most_running == 2
    assert [reader.text for reader in readers] == ["yes"] * 5
    assert all(reader.positions == sorted(reader.positions, reverse=True) for reader in readers)


async def _read(replica: Replica, name: str, reader: Reader) -> None:
    async for frame in replica.frames(name):
        reader.take(frame)


async def test_readers_that_wait_look_together(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = await start(Script(["yes"]), running=False)
    sent = [await replica.send(await make_session(store, f"s{n}")) for n in range(20)]
    scan, looks = replica.store.scan, Counter[str]()

    def counted(collection: Any, where: Any) -> Any:
        looks[collection.name] += 1
        return scan(collection, where)

    monkeypatch.setattr(replica.store, "scan", counted)
    readers = [Reader() for _ in sent]
    reading = [
        asyncio.create_task(_read(replica, one.name, reader))
        for one, reader in zip(sent, readers, strict=True)
    ]
    await asyncio.sleep(2.5)
    await tasks.end(reading)
    assert [reader.positions for reader in readers] == [[n] for n in range(1, 21)]
    assert 2 <= looks["responses"] <= 4

    # One that came a moment ago has its place, whenever the last look was.
    late = await replica.send(await make_session(store, "late"))
    assert await replica.responses.place(late) == 21
    other = late.model_copy(update={"name": late.name.replace("/acme/", "/other/")})
    await store.insert(RESPONSES, other)
    assert await replica.responses.place(other) == 1


async def test_a_user_has_no_more_at_once_than_one_may_on_all_replicas(
    store: Store, start: Start
) -> None:
    script = Script(["yes"])
    gate = script.hold(0)
    replicas = [await start(script, per_user=2), await start(script, per_user=2)]
    sent = [await replicas[n % 2].send(await make_session(store, f"s{n}")) for n in range(6)]
    await asyncio.gather(*(replicas[0].until(one.name, "STREAMING") for one in sent[:2]))
    for replica in replicas:
        await replica.dispatcher.tell()
    await asyncio.sleep(0.2)  # time to begin a third, which nobody does
    assert script.running == 2
    gate.set()
    await asyncio.gather(*(replicas[0].until(one.name, "COMPLETED") for one in sent))
    assert script.most_running == 2


async def test_one_that_is_stored_late_waits_for_what_has_begun(store: Store, start: Start) -> None:
    sessions = [await make_session(store, "s0"), await make_session(store, "s1")]
    script = Script(["yes"])
    gate = script.hold(0)
    replicas = [await start(script, per_user=1), await start(script, per_user=1)]
    begun = await replicas[0].send(sessions[0], "begun")
    await replicas[0].until(begun.name, "STREAMING")
    late = [await _stored_late(store, session, begun) for session in sessions]
    for replica in replicas:
        await replica.dispatcher.tell()
    await asyncio.sleep(0.3)  # time to begin one of them, which nobody does
    assert script.calls == ["begun"]
    gate.set()
    for record in late:
        await replicas[0].until(record.name, "COMPLETED")
    assert script.most_running == 1
    page = await store.page(CHAT_MESSAGES, parent=sessions[0], order_by="create_time asc")
    assert [said.text for said in page.records] == ["begun", "yes", "late", "yes"]


async def test_a_replica_has_a_session_to_itself(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await make_session(store)
    first, second = Script(["first"]), Script(["second"])
    one = await start(first)
    entered, let_on = _held_up(one, monkeypatch)
    asked = await one.send(session, "asked")
    await asyncio.wait_for(entered.wait(), PATIENCE_S)
    other = await start(second)
    late = await _stored_late(store, session, asked)
    await other.dispatcher.tell()
    await asyncio.sleep(1.0)  # time to begin the other one, which is the older
    assert second.calls == []
    let_on.set()
    await other.until(asked.name, "COMPLETED")
    await other.until(late.name, "COMPLETED")
    assert first.calls[0] == "asked"


async def test_who_wakes_without_the_session_begins_nothing_in_it(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await make_session(store)
    first, second = Script(["first"]), Script(["second"])
    gate = second.hold(0)
    paused = await start(first, lease_s=1.0)
    monkeypatch.setattr(paused.dispatcher._leases, "_renew", _not_renewed)
    entered, let_on = _held_up(paused, monkeypatch)
    asked = await paused.send(session, "asked")
    await asyncio.wait_for(entered.wait(), PATIENCE_S)
    late = await _stored_late(store, session, asked)
    other = await start(second, lease_s=1.0)
    await other.until(late.name, "STREAMING")
    let_on.set()
    await asyncio.sleep(0.3)  # time to begin it all the same
    assert first.calls == []
    assert (await store.get(RESPONSES, asked.name)).state == "QUEUED"
    gate.set()
    await other.until(asked.name, "COMPLETED")
    assert [*second.calls, *first.calls] == ["late", "asked"]


async def _stored_late(store: Store, session: str, than: ResponseRecord) -> ResponseRecord:
    """Store a response whose time is before another's: its clock is behind, or it was paused."""
    time = than.create_time - timedelta(seconds=1)
    record = ResponseRecord(
        name=child(session, "responses", new_id()),
        create_time=time,
        update_time=time,
        user=than.user,
        prompt="late",
    )
    return (await store.insert(RESPONSES, record)).record


def _held_up(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> tuple[asyncio.Event, asyncio.Event]:
    """Have a replica wait between taking a session and beginning its first answer in it."""
    entered, let_on = asyncio.Event(), asyncio.Event()
    before = replica.settling.before

    async def late(response: ResponseRecord) -> AdjutantError | None:
        refusal = await before(response)
        entered.set()
        await let_on.wait()
        return refusal

    monkeypatch.setattr(replica.settling, "before", late)
    return entered, let_on


async def _not_renewed(_: Any, over: asyncio.Event) -> None:
    await over.wait()
