"""The document store on SQLite: the embedded default.

One writer thread and one reader thread, each with a connection of its own;
WAL lets them work side by side, and other replicas on the same file too. A
commit survives the death of any process.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from adjutant.event.v1 import event_pb2
from services.mesh.access.caller import audit_taken
from services.mesh.errors import StoreUnavailableError, not_found
from services.mesh.names import parent_of
from services.mesh.store import rows, schema
from services.mesh.store.changes import next_revision, raise_fence
from services.mesh.store.look import SqliteLook
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
_PAGES_AT_ONCE = 4


async def open_store(
    path: Path, collections: Sequence[Collection[Any]], *, synchronous: str = "NORMAL"
) -> "SqliteStore":
    """Open the database at `path`, making it and its tables where they are missing."""
    store = SqliteStore(path, synchronous)
    await store.prepare(collections)
    return store


class SqliteStore:
    """A Store in one SQLite file."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._writer = ThreadPoolExecutor(1, "store-write")
        self._reader = ThreadPoolExecutor(1, "store-read")
        # Pages are megabytes: no more of them than a few wait to be made into records.
        self._paging = asyncio.Semaphore(_PAGES_AT_ONCE)
        self._connections: dict[ThreadPoolExecutor, sqlite3.Connection] = {}
        self._wakers: list[Callable[[], None]] = []
        self._purgeable: list[str] = []

    async def prepare(self, collections: Sequence[Collection[Any]]) -> None:
        """Make the tables and indexes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._purgeable = [each.name for each in collections if not each.permanent]
        await self._write(lambda database: schema.migrate(database, collections))

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop after each commit that had events."""
        self._wakers.append(wake)

    async def close(self) -> None:
        """Close both connections, after what is under way."""
        for executor in (self._writer, self._reader):
            await asyncio.get_running_loop().run_in_executor(executor, self._disconnect, executor)
            executor.shutdown()

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
        key = f"{request.parent} {request.request_id}" if request and request.request_id else None
        body = record.model_dump_json()
        digest = request.digest if request else None

        def write(database: sqlite3.Connection) -> str | None:
            try:
                database.execute(
                    f'INSERT INTO "{collection.name}"'
                    " (name, parent, revision, request_key, request_digest, body)"
                    " VALUES (?, ?, 1, ?, ?, ?)",
                    (record.name, parent_of(record.name), key, digest, body),
                )
            except sqlite3.IntegrityError:
                return rows.replayed(database, collection.name, record.name, key, digest)
            if guard:  # after the insert: a repeat of what was accepted is no question any more
                guard(SqliteLook(database))
            database.executemany(schema.INSERT_OUTBOX, outbox)
            return None

        with audit_taken() as audit:
            outbox = rows.outbox_rows([*events, *audit.events], rows.headers())
            first = await self._write(write)
            audit.committed = first is None
        if first is not None:
            return Inserted(collection.record.model_validate_json(first), created=False)
        self._committed(bool(outbox))
        return Inserted(record, created=True)

    async def get(self, collection: Collection[R], name: str) -> R:
        """Return a record; see Store."""
        record = await self.find(collection, name)
        if record is None:
            raise not_found(collection.name.removesuffix("s"), name)
        return record

    async def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""
        sql = f'SELECT body FROM "{collection.name}" WHERE name = ?'
        found = await self._rows(sql, (name,))
        return collection.record.model_validate_json(found[0][0]) if found else None

    async def replace(
        self, collection: Collection[R], record: R, *, events: Sequence[event_pb2.Event] = ()
    ) -> R:
        """Write a changed record; see Store."""
        changed = next_revision(record)
        with audit_taken() as audit:
            outbox = rows.outbox_rows([*events, *audit.events], rows.headers())
            await self._write(
                lambda database: rows.write_over(database, collection, changed, outbox)
            )
            audit.committed = True
        self._committed(bool(outbox))
        return changed

    async def update(
        self,
        collection: Collection[R],
        name: str,
        change: Callable[[R], Sequence[event_pb2.Event] | None],
        *,
        fence: int | None = None,
        guard: Guard | None = None,
    ) -> R:
        """Read, change and replace, in one transaction; see Store."""
        headers = rows.headers()

        def write(database: sqlite3.Connection) -> tuple[R, list[tuple[bytes, str]] | None]:
            record = rows.read(database, collection, name)
            if fence is not None:
                raise_fence(record, fence)
            events = change(record)
            if events is None:
                return record, None
            if guard:
                guard(SqliteLook(database))
            changed = next_revision(record)
            outbox = rows.outbox_rows([*events, *audit.events], headers)
            rows.write_over(database, collection, changed, outbox)
            return changed, outbox

        with audit_taken() as audit:
            record, announced = await self._write(write)
            audit.committed = announced is not None
        self._committed(bool(announced))
        return record

    async def delete(
        self, collection: Collection[R], name: str, *, events: Sequence[event_pb2.Event] = ()
    ) -> None:
        """Remove a record; see Store."""
        sql = f'DELETE FROM "{collection.name}" WHERE name = ?'

        def write(database: sqlite3.Connection) -> None:
            if not database.execute(sql, (name,)).rowcount:
                raise not_found(collection.name.removesuffix("s"), name)
            database.executemany(schema.INSERT_OUTBOX, outbox)

        with audit_taken() as audit:
            outbox = rows.outbox_rows([*events, *audit.events], rows.headers())
            await self._write(write)
            audit.committed = True
        self._committed(bool(outbox))

    async def append(self, events: Sequence[event_pb2.Event]) -> None:
        """Commit events alone; see Store."""
        outbox = rows.outbox_rows(events, rows.headers())

        def write(database: sqlite3.Connection) -> None:
            database.executemany(schema.INSERT_OUTBOX, outbox)

        await self._write(write)
        self._committed(bool(outbox))

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
        return await self._page(
            collection, query, *rows.select(collection.name, query, where or {})
        )

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
        found = [(within, word) for word in words]
        sql = rows.select(collection.name, query, {collection.searched.within: within}, found)
        return await self._page(collection, query, *sql)

    async def _page(
        self, collection: Collection[R], query: Query, sql: str, values: Sequence[Any]
    ) -> Page[R]:
        def read() -> tuple[list[Any], bool]:
            # Closed, for a cursor that was not read to its end holds the database's old pages.
            with contextlib.closing(self._connect(self._reader).execute(sql, values)) as found:
                return rows.that_fit(found, query.page_size)

        async with self._paging:
            loop = asyncio.get_running_loop()
            shown, is_more = await loop.run_in_executor(self._reader, read)
            records = [collection.record.model_validate_json(row[0]) for row in shown]
        if not is_more:
            return Page(records, "")
        last = shown[-1]
        return Page(records, query.next_token(last[1], last[2]))

    async def scan(
        self, collection: Collection[R], where: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[R]:
        """Yield every record that matches; see Store."""
        after = ("", "")
        terms = "".join(
            f' AND "{field}" IN ({rows.marks(values)})' for field, values in where.items()
        )
        sql = (
            f'SELECT body, create_time, name FROM "{collection.name}"'
            f" WHERE (create_time, name) > (?, ?){terms} ORDER BY create_time, name LIMIT ?"
        )
        values = [value for group in where.values() for value in group]
        while True:
            bound = (*after, *values, SCAN_BATCH)
            found = await self._rows(sql, bound)
            for row in found:
                yield collection.record.model_validate_json(row[0])
            if len(found) < SCAN_BATCH:
                return
            after = (found[-1][1], found[-1][2])

    async def due(
        self, collection: Collection[R], field: str, before: datetime, limit: int
    ) -> list[R]:
        """Return the records whose time has come; see Store."""
        sql = (
            f'SELECT body FROM "{collection.name}" WHERE "{field}" <= ?'
            f' ORDER BY "{field}", create_time, name LIMIT ?'
        )
        found = await self._rows(sql, (time_text(before), limit))
        return [collection.record.model_validate_json(row[0]) for row in found]

    async def next_due(self, collection: Collection[Any], field: str) -> datetime | None:
        """Return the earliest time in a field; see Store."""
        found = await self._rows(f'SELECT MIN("{field}") FROM "{collection.name}"', ())
        return datetime.fromisoformat(found[0][0]) if found[0][0] else None

    async def purge(self, parent: str) -> int:
        """Remove what is below a parent, a batch at a time; see Store."""
        count = 0
        for table in self._purgeable:
            while removed := await self._write(lambda db, t=table: rows.purge(db, t, parent)):  # type: ignore[misc]
                count += removed
        return count

    async def outbox(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events that wait to be published."""
        sql = "SELECT position, event, headers FROM outbox ORDER BY position LIMIT ?"
        found = await self._rows(sql, (limit,))
        return [
            OutboxEntry(position, event_pb2.Event.FromString(event), json.loads(headers))
            for position, event, headers in found
        ]

    async def clear_outbox(self, positions: Sequence[object]) -> None:
        """Forget events that are published."""
        sql = "DELETE FROM outbox WHERE position = ?"
        bound = [(position,) for position in positions]

        def write(database: sqlite3.Connection) -> None:
            # Returns no cursor: one that dies on another thread disturbs the connection.
            database.executemany(sql, bound)

        await self._write(write)

    def _committed(self, announced: bool) -> None:
        if announced:
            for wake in self._wakers:
                wake()

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def transaction() -> T:
            database = self._connect(self._writer)
            _begin(database)
            try:
                result = work(database)
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")
            return result

        # Shielded: a cancelled caller must not abandon a commit half-way.
        running = asyncio.get_running_loop().run_in_executor(self._writer, transaction)
        return await asyncio.shield(running)

    async def _rows(self, sql: str, values: Sequence[Any]) -> list[Any]:
        def query() -> list[Any]:
            return self._connect(self._reader).execute(sql, values).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._reader, query)

    def _connect(self, executor: ThreadPoolExecutor) -> sqlite3.Connection:
        if executor not in self._connections:
            self._connections[executor] = schema.connect(self._path, self._synchronous)
        return self._connections[executor]

    def _disconnect(self, executor: ThreadPoolExecutor) -> None:
        connection = self._connections.pop(executor, None)
        if connection:
            connection.close()


def _begin(database: sqlite3.Connection) -> None:
    """Begin to write. STORE_UNAVAILABLE where another process does not let go of the file."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        raise StoreUnavailableError from error
