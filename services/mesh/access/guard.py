"""A store within a call: what is another client's does not exist."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adjutant.event.v1 import event_pb2
from services.mesh.access.caller import current_call
from services.mesh.access.scope import is_within
from services.mesh.errors import not_found
from services.mesh.store import Collection, Guard, Inserted, OutboxEntry, Page, RequestKey, Store
from services.mesh.store.port import R


class GuardedStore:
    """A Store that knows whose call is under way, whatever database is behind it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.inner = store
        """The store itself, for what a service keeps beside it on the same connections."""

    async def insert(
        self,
        collection: Collection[R],
        record: R,
        *,
        events: Sequence[event_pb2.Event] = (),
        request: RequestKey | None = None,
        guard: Guard | None = None,
    ) -> Inserted[R]:
        """Make a record; see Store. NOT_FOUND for another client's name."""
        _require(collection, record.name)
        inserted = await self._store.insert(
            collection, record, events=events, request=request, guard=guard
        )
        _require(collection, inserted.record.name)
        return inserted

    async def get(self, collection: Collection[R], name: str) -> R:
        """Return a record. NOT_FOUND, for another client's name too."""
        _require(collection, name)
        record = await self._store.get(collection, name)
        _require(collection, record.name)
        return record

    async def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None, for another client's name too."""
        record = await self._store.find(collection, name) if is_within(name) else None
        return record if record is not None and is_within(record.name) else None

    async def replace(
        self, collection: Collection[R], record: R, *, events: Sequence[event_pb2.Event] = ()
    ) -> R:
        """Write a changed record; see Store. NOT_FOUND for another client's name."""
        _require(collection, record.name)
        return await self._store.replace(collection, record, events=events)

    async def update(
        self,
        collection: Collection[R],
        name: str,
        change: Callable[[R], Sequence[event_pb2.Event] | None],
        *,
        fence: int | None = None,
        guard: Guard | None = None,
    ) -> R:
        """Read, change and replace; see Store. NOT_FOUND for another client's name."""
        _require(collection, name)
        return await self._store.update(collection, name, change, fence=fence, guard=guard)

    async def delete(
        self, collection: Collection[R], name: str, *, events: Sequence[event_pb2.Event] = ()
    ) -> None:
        """Remove a record; see Store. NOT_FOUND for another client's name."""
        _require(collection, name)
        await self._store.delete(collection, name, events=events)

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
        """Return a page; see Store. NOT_FOUND for another client's parent."""
        _require(collection, parent or "")
        page = await self._store.page(
            collection,
            parent=parent,
            filter_text=filter_text,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
            where=where,
        )
        for record in page.records:
            _require(collection, record.name)
        return page

    async def search(
        self,
        collection: Collection[R],
        *,
        within: str,
        words: Sequence[str],
        page_size: int = 0,
        page_token: str = "",
    ) -> Page[R]:
        """Return a page of what has the words; see Store. NOT_FOUND for another client's."""
        page = await self._store.search(
            collection, within=within, words=words, page_size=page_size, page_token=page_token
        )
        for record in page.records:
            _require(collection, record.name)
        return page

    async def scan(
        self, collection: Collection[R], where: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[R]:
        """Yield every record that matches, of the call's client within a call."""
        async for record in self._store.scan(collection, where):
            if current_call() is None or is_within(record.name):
                yield record

    async def due(
        self, collection: Collection[R], field: str, before: datetime, limit: int
    ) -> list[R]:
        """Return the records whose time has come; no call asks for them. See Store."""
        return await self._store.due(collection, field, before, limit)

    async def next_due(self, collection: Collection[Any], field: str) -> datetime | None:
        """Return the earliest time in a field; no call asks for it. See Store."""
        return await self._store.next_due(collection, field)

    async def purge(self, parent: str) -> int:
        """Remove what is below a parent; see Store. NOT_FOUND for another client's parent."""
        if not is_within(parent):
            raise not_found("resource", parent)
        return await self._store.purge(parent)

    async def append(self, events: Sequence[event_pb2.Event]) -> None:
        """Commit events alone; see Store."""
        await self._store.append(events)

    async def outbox(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events that wait to be published."""
        return await self._store.outbox(limit)

    async def clear_outbox(self, positions: Sequence[object]) -> None:
        """Forget events that are published."""
        await self._store.clear_outbox(positions)

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit that had events; see Store."""
        self._store.on_commit(wake)

    async def close(self) -> None:
        """Let go of the database."""
        await self._store.close()


def _require(collection: Collection[Any], name: str) -> None:
    if not is_within(name):
        raise not_found(collection.name.removesuffix("s"), name)
