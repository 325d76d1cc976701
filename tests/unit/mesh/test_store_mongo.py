"""What MongoDB adds: pauses within a guarded write, relays side by side, a server that is lost."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.store import Collection, Record, RequestKey, open_store_for
from services.mesh.store.mongo import MongoStore
from services.mesh.store.mongo_client import StoreRefusedError
from services.mesh.store.mongo_documents import Waiting, body_of, record_of
from services.mesh.store.mongo_guard import Guards
from tests.support.mongo import MongoOfOne, require_server
from tests.unit.mesh.conftest import NOTES, note, said, texts
from tests.unit.mesh.test_store_guard import BOXES, CLIENT, LIDS, box, close, is_empty, is_open, lid


@pytest.fixture
async def stores(mongo_settings: dict[str, Any], tmp_path: Path) -> AsyncIterator[list[MongoStore]]:
    """Two replicas on one database."""
    settings = MeshSettings.model_validate({"data_dir": tmp_path, **mongo_settings})
    opened = [await open_store_for(settings, [NOTES, BOXES, LIDS]) for _ in range(2)]
    yield [store for store in opened if isinstance(store, MongoStore)]
    for store in opened:
        await store.close()


class Paused:
    """Stops a guarded write after its intent was written and its guard passed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: MongoStore) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()
        guards = store._writes._guards
        inner = guards.passes

        async def passes(guard: Any, token: str) -> Any:
            elder = await inner(guard, token)
            if not self.reached.is_set():
                self.reached.set()
                await self.go_on.wait()
            return elder

        monkeypatch.setattr(guards, "passes", passes)


async def test_a_write_that_is_paused_after_its_guard_comes_too_late(
    stores: list[MongoStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.mesh.store.mongo_guard.INTENT_S", 0.2)
    slow, quick = stores
    await quick.insert(BOXES, box("b"))
    paused = Paused(monkeypatch, slow)
    late = asyncio.create_task(slow.insert(LIDS, lid("a"), guard=is_open))
    await paused.reached.wait()
    assert await quick.find(LIDS, lid("a").name) is None, "an intent is no record"
    assert (await quick.page(LIDS, parent=None)).records == []
    await quick.update(BOXES, box("b").name, close, guard=is_empty)  # type: ignore[arg-type]
    paused.go_on.set()
    with pytest.raises(AdjutantError, match="no box"):
        await late
    assert await quick.database["lids"].count_documents({}) == 0


async def test_a_purge_takes_what_was_about_to_be_written(
    stores: list[MongoStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lids are looked at by nobody who closes a box, as most of what a project holds is."""
    slow, quick = stores
    await quick.insert(BOXES, box("b"))
    await quick.insert(LIDS, lid("changed"))
    await quick.insert(LIDS, lid("told"), events=[said("made")])
    await quick.delete(LIDS, lid("told").name)
    key = RequestKey(CLIENT, "request-1", "digest-1")
    paused = [Paused(monkeypatch, slow) for _ in range(3)]
    calls = [
        slow.insert(LIDS, lid("new"), request=key, guard=is_open),
        slow.insert(LIDS, lid("told"), guard=is_open),
        slow.update(LIDS, lid("changed").name, lambda _: [], guard=is_open),
    ]
    late = []
    for pause, call in zip(paused, calls, strict=True):
        late.append(asyncio.create_task(call))
        await pause.reached.wait()
    await quick.update(BOXES, box("b").name, close)  # type: ignore[arg-type]
    assert await quick.purge(CLIENT) == 1, "intents are no records"
    for pause in paused:
        pause.go_on.set()
    for task in late:
        with pytest.raises(AdjutantError, match=r"no box|NOT_FOUND"):
            await task
    assert [each async for each in quick.scan(LIDS, {})] == []
    assert texts(await quick.outbox(10)) == ["made"], "what was told before is still published"
    assert await quick.database["lids"].count_documents({"intent": {"$ne": None}}) == 0
    assert await quick.purge(CLIENT) == 0


async def test_a_closing_that_is_paused_after_its_guard_begins_again(
    stores: list[MongoStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.mesh.store.mongo_guard.INTENT_S", 0.2)
    slow, quick = stores
    await quick.insert(BOXES, box("b"))
    paused = Paused(monkeypatch, slow)
    closing = slow.update(BOXES, box("b").name, close, guard=is_empty)  # type: ignore[arg-type]
    late = asyncio.create_task(closing)
    await paused.reached.wait()
    await quick.insert(LIDS, lid("a"), guard=is_open)
    paused.go_on.set()
    with pytest.raises(AdjutantError, match="has lids"):
        await late
    assert (await quick.get(BOXES, box("b").name)).state == "OPEN"


async def test_what_died_between_intent_and_write_reserves_nothing_for_long(
    stores: list[MongoStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.mesh.store.mongo_guard.INTENT_S", 0.2)
    dying, living = stores
    await living.insert(BOXES, box("b"))
    key = RequestKey("clients/acme", "request-1", "digest-1")

    async def die(*_: Any) -> bool:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr(dying._writes._guards, "passes", die)
        patch.setattr(dying._writes._guards, "withdraw", die)
        with pytest.raises(SystemExit):
            await dying._writes.insert(
                "lids",
                lid("a"),
                {"request_key": "clients/acme request-1", "request_digest": "d"},
                [],
                is_open,
            )
    assert await living.database["lids"].count_documents({}) == 1
    made = await living.insert(LIDS, lid("b"), request=key, guard=is_open)
    assert made.created
    again = await living.insert(LIDS, lid("a"), guard=is_open)
    assert again.created


async def test_the_elder_of_two_writes_goes_first(stores: list[MongoStore]) -> None:
    store = stores[0]
    await store.insert(BOXES, box("b"))
    held = {"token": "0", "until": time.time() + 60, "parent": "", "body": {}}
    await store.database["boxes"].update_one({}, {"$set": {"intent": held}})
    guards = Guards(store.database)
    assert await guards.passes(is_open, "1"), "the younger one gives way"
    held["token"] = "2"
    await store.database["boxes"].update_one({}, {"$set": {"intent": held}})
    waiting = asyncio.create_task(guards.passes(is_open, "1"))
    await asyncio.sleep(0.1)
    assert not waiting.done(), "the elder one waits for it to be gone"
    await store.database["boxes"].update_one({}, {"$unset": {"intent": ""}})
    assert await waiting is None


async def test_events_of_a_removed_record_are_still_published(stores: list[MongoStore]) -> None:
    store = stores[0]
    await store.insert(NOTES, note("a"), events=[said("made")])
    await store.delete(NOTES, note("a").name)
    assert await store.find(NOTES, note("a").name) is None
    assert [each async for each in store.scan(NOTES, {})] == []
    assert texts(await store.outbox(10)) == ["made"]
    await store.insert(NOTES, note("a"), events=[said("made again")])
    waiting = await store.outbox(10)
    assert texts(waiting) == ["made", "made again"]
    await store.purge("clients")
    assert texts(await store.outbox(10)) == ["made", "made again"]
    await store.clear_outbox([entry.position for entry in waiting])
    assert await store.database["notes"].count_documents({}) == 0


async def test_two_relays_clear_what_they_published_and_nothing_else(
    stores: list[MongoStore],
) -> None:
    one, two = stores
    record = (await one.insert(NOTES, note("a"), events=[said("1"), said("2")])).record
    first, second = await one.outbox(10), await two.outbox(1)
    record = await one.replace(NOTES, record, events=[said("3")])
    await one.clear_outbox([entry.position for entry in first])
    assert texts(await two.outbox(10)) == ["3"]
    await two.clear_outbox([entry.position for entry in second])
    assert texts(await two.outbox(10)) == ["3"]
    last = await two.outbox(10)
    await one.append([said("alone")])
    await two.clear_outbox([entry.position for entry in last])
    await one.clear_outbox([entry.position for entry in last])
    alone = await one.outbox(10)
    assert texts(alone) == ["alone"]
    await one.clear_outbox([entry.position for entry in alone])
    assert await one.outbox(10) == []
    assert await one.database["outbox"].count_documents({}) == 0


async def test_clocks_that_differ_do_not_turn_the_events_of_a_record_around(
    stores: list[MongoStore],
) -> None:
    store = stores[0]
    early, late = said("early"), said("late")
    record = (await store.insert(NOTES, note("a"), events=[late])).record
    await store.replace(NOTES, record, events=[early])
    await store.insert(NOTES, note("b"), events=[said("other")])
    assert texts(await store.outbox(10)) == ["late", "early", "other"]
    positions = [entry.position for entry in await store.outbox(10)]
    assert all(isinstance(position, Waiting) for position in positions)


class Labelled(Record):
    labels: dict[str, str]


@pytest.mark.parametrize("key", ["users/ada@example.com", "$set", "a%2Eb", "%", "a.b.c", "\0"])
def test_any_key_comes_back_as_it_was(key: str) -> None:
    made = note("a")
    record = Labelled(
        name=made.name,
        create_time=made.create_time,
        update_time=made.update_time,
        labels={key: "x"},
    )
    body = body_of(record)
    assert not set(".$\0") & set(next(iter(body["labels"])))
    assert record_of(Collection("labelled", Labelled), body) == record


async def test_a_server_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    settings = MeshSettings.model_validate(
        {
            "store": "mongo",
            "mongo_url": "mongodb://ada:se-cret-1@127.0.0.1:1/",
            "data_dir": tmp_path,
        }
    )
    with pytest.raises(StoreRefusedError, match="start MongoDB, or correct") as caught:
        await open_store_for(settings, [NOTES])
    assert "se-cret-1" not in str(caught.value)
    assert "se-cret-1" not in repr(settings)


@pytest.mark.parametrize("url", ["http://host", "mongodb://ada:se-cret-1@", "mongodb://["])
async def test_a_url_that_is_none_says_so(tmp_path: Path, url: str) -> None:
    settings = MeshSettings.model_validate(
        {"store": "mongo", "mongo_url": url, "data_dir": tmp_path}
    )
    with pytest.raises(StoreRefusedError, match="ADJUTANT_MONGO_URL cannot be used") as caught:
        await open_store_for(settings, [NOTES])
    assert "se-cret-1" not in str(caught.value)


def test_mongo_takes_a_url() -> None:
    with pytest.raises(ValueError, match="must say where the server is"):
        MeshSettings.model_validate({"store": "mongo"})


async def test_a_server_that_goes_away_is_unavailable_and_comes_back(tmp_path: Path) -> None:
    require_server()
    server = MongoOfOne(tmp_path / "server")
    await asyncio.to_thread(server.start)
    settings = MeshSettings.model_validate(
        {"store": "mongo", "mongo_url": server.url, "data_dir": tmp_path}
    )
    store = await open_store_for(settings, [NOTES, BOXES, LIDS])
    record = (await store.insert(NOTES, note("a"), events=[said("1")])).record
    server.kill()
    calls = [
        lambda: store.get(NOTES, record.name),
        lambda: store.update(NOTES, record.name, lambda _: []),
        lambda: store.insert(LIDS, lid("a"), guard=is_open),
        lambda: store.outbox(1),
    ]
    for call in calls:
        with pytest.raises(AdjutantError) as caught:
            await call()  # type: ignore[no-untyped-call]
        assert (caught.value.reason, caught.value.retry_after_s) == ("STORE_UNAVAILABLE", 1.0)
    await asyncio.to_thread(server.start)
    assert await store.get(NOTES, record.name) == record
    assert texts(await store.outbox(10)) == ["1"]
    await store.close()
    server.stop()
