"""The document store on MongoDB: for replicas that do not share a disk.

A record is one document, and the events that announce a change are pushed into it with
the change: one write, which MongoDB carries out as a whole, on one server as on a set.
No transaction is needed. What guards take is in mongo_guard.py.

Events of one record wait in the order of its commits. Those of different records are
published by their ids, which are made in the order of time: what one call did after
another is in order, as far as the clocks of the replicas agree.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from adjutant.event.v1 import event_pb2
from services.mesh import telemetry
from services.mesh.access.caller import audit_taken
from services.mesh.config import MeshSettings
from services.mesh.errors import not_found
from services.mesh.names import new_id
from services.mesh.store import mongo_query
from services.mesh.store.changes import PURGE_BATCH, concurrent_change, next_revision
from services.mesh.store.mongo_client import MotorClient, available, connect, opening
from services.mesh.store.mongo_documents import (
    NOTHING,
    OUTBOX,
    Document,
    elements_of,
    empty,
    keys_of,
    record_of,
    whole,
)
from services.mesh.store.mongo_outbox import Outbox
from services.mesh.store.mongo_turns import Turns
from services.mesh.store.mongo_write import Edit, Writes
from services.mesh.store.port import (
    Collection,
    Guard,
    Inserted,
    OutboxEntry,
    Page,
    R,
    RequestKey,
    time_text,
)
from services.mesh.store.query import Query, parse_query, parse_search

T = TypeVar("T")
SCAN_BATCH = 200
_PAGES_AT_ONCE: Final = 4


async def open_mongo(
    settings: MeshSettings, collections: Sequence[Collection[Any]]
) -> "MongoStore":
    """Open the service's database, making its collections and indexes. StoreRefusedError."""
    client = connect(settings)
    store = MongoStore(client, settings.mongo_database_name, collections)
    try:
        with opening(settings.mongo_database_name):
            await store.prepare()
    except BaseException:
        await store.close()
        raise
    return store


class MongoStore:
    """A Store in one MongoDB database."""

    def __init__(
        self, client: MotorClient, database: str, collections: Sequence[Collection[Any]]
    ) -> None:
        self.client = client
        """The pool of connections, for what is kept beside the records."""
        self.database = client[database]
        self._collections = collections
        names = [*(each.name for each in collections), OUTBOX]
        self._outbox = Outbox(self.database, names)
        self._writes = Writes(self.database)
        self._paging = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._turns = Turns()
        self._wakers: list[Callable[[], None]] = []

    async def prepare(self) -> None:
        """Make the indexes, and with them the collections."""
        wanted = {each.name: mongo_query.indexes(each) for each in self._collections}
        for name, indexes in {**wanted, OUTBOX: mongo_query.OF_OUTBOX}.items():
            there = await self.database[name].index_information()
            if missing := [each for each in indexes if each.document["name"] not in there]:
                await self.database[name].create_indexes(missing)

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop after each commit that had events."""
        self._wakers.append(wake)

    async def close(self) -> None:
        """Close all connections."""
        self.client.close()

    async def insert(
        self,
        collection: Collection[R],
        record: R,
        *,
        events: Sequence[event_pb2.Event] = (),
        request: RequestKey | None = None,
        guard: Guard | None = None,
    ) -> Inserted[R]:
        """Make a record; see Store."""
        record = record.model_copy(update={"revision": 1})
        keys, headers = keys_of(record, request), telemetry.inject()

        async def write() -> Inserted[R]:
            with audit_taken() as audit:
                elements = elements_of([*events, *audit.events], headers)
                first = await self._writes.insert(collection.name, record, keys, elements, guard)
                audit.committed = first is None
            if first is not None:
                return Inserted(record_of(collection, first), created=False)
            self._committed(bool(elements))
            return Inserted(record, created=True)

        return await _to_the_end(write())

    async def get(self, collection: Collection[R], name: str) -> R:
        """Return a record; see Store."""
        record = await self.find(collection, name)
        if record is None:
            raise not_found(collection.name.removesuffix("s"), name)
        return record

    async def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""
        with available():
            found = await self._in(collection).find_one({"_id": name}, {"body": 1})
        return record_of(collection, found["body"]) if found and "body" in found else None

    async def replace(
        self, collection: Collection[R], record: R, *, events: Sequence[event_pb2.Event] = ()
    ) -> R:
        """Write a changed record; see Store."""
        changed, headers = next_revision(record), telemetry.inject()

        async def write() -> R:
            with audit_taken() as audit:
                elements = elements_of([*events, *audit.events], headers)
                if not await self._writes.write_over(collection.name, changed, elements):
                    raise concurrent_change(record.name)
                audit.committed = True
            self._committed(bool(elements))
            return changed

        return await _to_the_end(write())

    async def update(
        self,
        collection: Collection[R],
        name: str,
        change: Callable[[R], Sequence[event_pb2.Event] | None],
        *,
        fence: int | None = None,
        guard: Guard | None = None,
    ) -> R:
        """Read, change and replace, again where somebody else was faster; see Store."""
        headers = telemetry.inject()

        async def write() -> R:
            # Within a process one after the other: they would only be in each other's way.
            async with self._turns.of(name):
                with audit_taken() as audit:
                    edit = Edit(change, fence, audit.events, headers)
                    record, announced = await self._writes.update(collection, name, edit, guard)
                    audit.committed = announced is not None
            self._committed(bool(announced))
            return record

        return await _to_the_end(write())

    async def delete(
        self, collection: Collection[R], name: str, *, events: Sequence[event_pb2.Event] = ()
    ) -> None:
        """Remove a record; see Store. Events that still wait stay until they are published."""
        headers = telemetry.inject()

        async def write() -> None:
            with audit_taken() as audit:
                elements = elements_of([*events, *audit.events], headers)
                if not await self._writes.bury(collection.name, name, elements):
                    raise not_found(collection.name.removesuffix("s"), name)
                audit.committed = True
            self._committed(bool(elements))

        await _to_the_end(write())

    async def append(self, events: Sequence[event_pb2.Event]) -> None:
        """Commit events alone; see Store."""
        elements = elements_of(events, telemetry.inject())
        if not elements:
            return

        async def write() -> None:
            with available():
                await self.database[OUTBOX].insert_one(whole(empty(new_id()), elements))
            self._committed(True)

        await _to_the_end(write())

    async def page(
        self,
        collection: Collection[R],
        *,
        parent: str | None,
        filter_text: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
        where: Mapping[str, str] | None = None,
    ) -> Page[R]:
        """Return a page of the records in a parent; see Store."""
        query = parse_query(
            collection.queryable,
            parent=parent,
            filter_text=filter_text,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
        )
        return await self._page(collection, query, *mongo_query.page_filter(query, where or {}))

    async def search(
        self,
        collection: Collection[R],
        *,
        within: str,
        words: Sequence[str],
        page_size: int = 0,
        page_token: str = "",
    ) -> Page[R]:
        """Return a page of the records that have the words; see Store."""
        assert collection.searched, f"{collection.name} has no index of words"
        query = parse_search(within, words, page_size, page_token)
        terms, order = mongo_query.page_filter(query, {collection.searched.within: within})
        terms["$and"] += mongo_query.beginning(collection.searched, words)
        return await self._page(collection, query, terms, order)

    async def _page(
        self, collection: Collection[R], query: Query, terms: Document, order: mongo_query.Sort
    ) -> Page[R]:
        documents = self._in(collection).with_options(codec_options=mongo_query.RAW)
        async with self._paging:
            with available():
                cursor = documents.find(terms, {"body": 1}).sort(order).limit(query.page_size + 1)
                found = await cursor.to_list(None)
            count, is_more = mongo_query.that_fit(found, query.page_size)
            shown = [mongo_query.read(each) for each in found[:count]]
            records = [record_of(collection, each["body"]) for each in shown]
        if not is_more:
            return Page(records, "")
        last = shown[-1]
        return Page(records, query.next_token(last["body"][query.order.field], last["_id"]))

    async def scan(
        self, collection: Collection[R], where: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[R]:
        """Yield every record that matches; see Store."""
        after = ("", "")
        while True:
            terms = mongo_query.scan_filter(where, after)
            with available():
                cursor = self._in(collection).find(terms, {"body": 1})
                found = await cursor.sort(mongo_query.BY_TIME).limit(SCAN_BATCH).to_list(None)
            for each in found:
                yield record_of(collection, each["body"])
            if len(found) < SCAN_BATCH:
                return
            after = (found[-1]["body"]["create_time"], found[-1]["_id"])

    async def due(
        self, collection: Collection[R], field: str, before: datetime, limit: int
    ) -> list[R]:
        """Return the records whose time has come; see Store."""
        terms = {mongo_query.path(field): {"$lte": time_text(before)}}
        order = [(mongo_query.path(field), 1), *mongo_query.BY_TIME]
        with available():
            cursor = self._in(collection).find(terms, {"body": 1}).sort(order).limit(limit)
            return [record_of(collection, each["body"]) for each in await cursor.to_list(None)]

    async def next_due(self, collection: Collection[Any], field: str) -> datetime | None:
        """Return the earliest time in a field; see Store."""
        path = mongo_query.path(field)
        with available():
            cursor = self._in(collection).find({path: {"$gt": ""}}, {path: 1})
            found = await cursor.sort(path, 1).limit(1).to_list(None)
        return datetime.fromisoformat(found[0]["body"][field]) if found else None

    async def purge(self, parent: str) -> int:
        """Remove what is below a parent, a batch at a time; see Store."""
        count = 0
        for collection in self._collections:
            if not collection.permanent:
                while removed := await self._purge(collection, parent):
                    count += sum(each["revision"] > 0 for each in removed)
        return count

    async def _purge(self, collection: Collection[Any], parent: str) -> list[Document]:
        """Remove a batch, and return what stood there: records, and what was about to be one.

        Whoever was paused after its guard must not write what nobody removes any more.
        """
        # The names that begin with `parent/` stand between it and `parent0`, for 0 comes after /.
        below = {"_id": {"$gt": f"{parent}/", "$lt": f"{parent}0"}}
        terms = {**below, "$or": [{"revision": {"$gt": 0}}, {"intent.token": {"$gt": ""}}]}
        documents = self._in(collection)
        with available():
            cursor = documents.find(terms, {"revision": 1}).limit(PURGE_BATCH)
            found: list[Document] = await cursor.to_list(None)
            names = [each["_id"] for each in found]
            await documents.delete_many({"_id": {"$in": names}, "oldest": NOTHING})
            cursor = documents.find({"_id": {"$in": names}}, {"intent": 1})
            for each in await cursor.to_list(None):
                await self._writes.clear(collection.name, each)
        return found

    async def outbox(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events that wait to be published."""
        with available():
            return await self._outbox.read(limit)

    async def clear_outbox(self, positions: Sequence[object]) -> None:
        """Forget events that are published."""
        with available():
            await self._outbox.clear(positions)

    def _in(self, collection: Collection[Any]) -> Any:
        return self.database[collection.name]

    def _committed(self, announced: bool) -> None:
        if announced:
            for wake in self._wakers:
                wake()


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Await a write; a caller that is cancelled waits for its end and does not cut it off."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        raise
