"""A store within a call: what is another client's does not exist."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from adjutant.event.v1 import event_pb2
from services.mesh.access.caller import current_call
from services.mesh.access.scope import is_within
from services.mesh.errors import not_found
from services.mesh.store import Collection, Inserted, Page, RequestKey, Store
from services.mesh.store.port import R


class GuardedStore:
    """A Store that knows whose call is under way, whatever database is behind it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def insert(
        self,
        collection: Collection[R],
        record: R,
        *,
        events: Sequence[event_pb2.Event] = (),
        request: RequestKey | None = None,
    ) -> Inserted[R]:
        """Make a record; see Store. NOT_FOUND for another client's name."""
        _require(collection, record.name)
        inserted = await self._store.insert(collection, record, events=events, request=request)
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
    ) -> R:
        """Read, change and replace; see Store. NOT_FOUND for another client's name."""
        _require(collection, name)
        return await self._store.update(collection, name, change, fence=fence)

    async def delete(self, collection: Collection[R], name: str) -> None:
        """Remove a record; see Store. NOT_FOUND for another client's name."""
        _require(collection, name)
        await self._store.delete(collection, name)

    async def page(self, collection: Collection[R], *, parent: str, **query: Any) -> Page[R]:
        """Return a page; see Store. NOT_FOUND for another client's parent."""
        _require(collection, parent)
        page = await self._store.page(collection, parent=parent, **query)
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


def _require(collection: Collection[Any], name: str) -> None:
    if not is_within(name):
        raise not_found(collection.name.removesuffix("s"), name)
