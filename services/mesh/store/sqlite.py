"""The document store on SQLite: the embedded default.

One writer thread and one reader thread, each with a connection of its own;
WAL lets them work side by side, and other replicas on the same file too. A
commit survives the death of any process.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from adjutant.event.v1 import event_pb2
from services.mesh import telemetry
from services.mesh.errors import AdjutantError, not_found
from services.mesh.names import parent_of
from services.mesh.store import schema
from services.mesh.store.port import (
    Collection,
    Inserted,
    OutboxEntry,
    Page,
    R,
    RequestKey,
    now,
)
from services.mesh.store.query import Query, parse_query

T = TypeVar("T")
SCAN_BATCH = 200


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
        self._connections: dict[ThreadPoolExecutor, sqlite3.Connection] = {}
        self._wakers: list[Callable[[], None]] = []
        # Updates of one record take turns in this process, so that many at once do not
        # run out of attempts; other processes are still met by revision.

    async def prepare(self, collections: Sequence[Collection[Any]]) -> None:
        """Make the tables and indexes."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
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
    ) -> Inserted[R]:
        """Make a record; see Store."""
        record = record.model_copy(update={"revision": 1})
        key = f"{request.parent} {request.request_id}" if request and request.request_id else None
        outbox = _outbox_rows(events, _headers())
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
                return _replayed(database, collection.name, record.name, key, digest)
            database.executemany(schema.INSERT_OUTBOX, outbox)
            return None

        first = await self._write(write)
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
        rows = await self._rows(sql, (name,))
        return collection.record.model_validate_json(rows[0][0]) if rows else None

    async def replace(
        self, collection: Collection[R], record: R, *, events: Sequence[event_pb2.Event] = ()
    ) -> R:
        """Write a changed record; see Store."""
        changed = _next_revision(record)
        outbox = _outbox_rows(events, _headers())
        await self._write(lambda database: _replace(database, collection, changed, outbox))
        self._committed(bool(outbox))
        return changed

    async def update(
        self,
        collection: Collection[R],
        name: str,
        change: Callable[[R], Sequence[event_pb2.Event] | None],
        *,
        fence: int | None = None,
    ) -> R:
        """Read, change and replace, in one transaction; see Store."""
        headers = _headers()

        def write(database: sqlite3.Connection) -> tuple[R, bool]:
            record = _read(database, collection, name)
            if fence is not None:
                _raise_fence(record, fence)
            events = change(record)
            if events is None:
                return record, False
            changed = _next_revision(record)
            _replace(database, collection, changed, _outbox_rows(events, headers))
            return changed, bool(events)

        record, announced = await self._write(write)
        self._committed(announced)
        return record

    async def page(
        self,
        collection: Collection[R],
        *,
        parent: str,
        filter_text: str = "",
        order_by: str = "",
        page_size: int = 0,
        page_token: str = "",
    ) -> Page[R]:
        """Return a page of a project's records; see Store."""
        query = parse_query(
            collection.queryable,
            parent=parent,
            filter_text=filter_text,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
        )
        sql, values = _select(collection.name, query)
        rows = await self._rows(sql, values)
        records = [collection.record.model_validate_json(row[0]) for row in rows[: query.page_size]]
        if len(rows) <= query.page_size:
            return Page(records, "")
        last = rows[query.page_size - 1]
        return Page(records, query.next_token(last[1], last[2]))

    async def scan(
        self, collection: Collection[R], where: Mapping[str, Sequence[str]]
    ) -> AsyncIterator[R]:
        """Yield every record that matches; see Store."""
        after = ("", "")
        terms = "".join(f' AND "{field}" IN ({_marks(values)})' for field, values in where.items())
        sql = (
            f'SELECT body, create_time, name FROM "{collection.name}"'
            f" WHERE (create_time, name) > (?, ?){terms} ORDER BY create_time, name LIMIT ?"
        )
        values = [value for group in where.values() for value in group]
        while True:
            bound = (*after, *values, SCAN_BATCH)
            rows = await self._rows(sql, bound)
            for row in rows:
                yield collection.record.model_validate_json(row[0])
            if len(rows) < SCAN_BATCH:
                return
            after = (rows[-1][1], rows[-1][2])

    async def outbox(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events that wait to be published."""
        sql = "SELECT position, event, headers FROM outbox ORDER BY position LIMIT ?"
        rows = await self._rows(sql, (limit,))
        return [
            OutboxEntry(position, event_pb2.Event.FromString(event), json.loads(headers))
            for position, event, headers in rows
        ]

    async def clear_outbox(self, positions: Sequence[int]) -> None:
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
            database.execute("BEGIN IMMEDIATE")
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


def _headers() -> str:
    """Return the current trace, as it stands beside an event in the outbox."""
    return json.dumps(telemetry.inject())


def _outbox_rows(events: Sequence[event_pb2.Event], headers: str) -> list[tuple[bytes, str]]:
    return [(event.SerializeToString(), headers) for event in events]


def _read(database: sqlite3.Connection, collection: Collection[R], name: str) -> R:
    sql = f'SELECT body FROM "{collection.name}" WHERE name = ?'
    row = database.execute(sql, (name,)).fetchone()
    if row is None:
        raise not_found(collection.name.removesuffix("s"), name)
    return collection.record.model_validate_json(row[0])


def _next_revision(record: R) -> R:
    return record.model_copy(update={"revision": record.revision + 1, "update_time": now()})


def _replace(
    database: sqlite3.Connection,
    collection: Collection[R],
    changed: R,
    outbox: Sequence[tuple[bytes, str]],
) -> None:
    """Write a record over the revision before its own. CONCURRENT_CHANGE."""
    sql = f'UPDATE "{collection.name}" SET revision = ?, body = ? WHERE name = ? AND revision = ?'
    body, before = changed.model_dump_json(), changed.revision - 1
    done = database.execute(sql, (changed.revision, body, changed.name, before))
    if not done.rowcount:
        raise AdjutantError(
            "CONCURRENT_CHANGE",
            f"{changed.name} was changed by somebody else; read it and try again.",
            retry_after_s=0.05,
        )
    database.executemany(schema.INSERT_OUTBOX, outbox)


def _replayed(
    database: sqlite3.Connection, table: str, name: str, key: str | None, digest: str | None
) -> str:
    """Return the body that the same request made, or raise why there is none."""
    row = database.execute(
        f'SELECT request_digest, body FROM "{table}" WHERE request_key = ?', (key,)
    ).fetchone()
    if row is None:
        message = f"{name} exists and was made by another request; choose another id."
        raise AdjutantError("ALREADY_EXISTS", message, metadata={"name": name})
    if row[0] != digest:
        raise AdjutantError(
            "REQUEST_ID_REUSED",
            "This request_id was used with another body; use a new id for a new request.",
            field="request_id",
        )
    return str(row[1])


def _raise_fence(record: R, fence: int) -> None:
    if record.fence > fence:
        message = f"{record.name} is held by somebody else now; this write is refused."
        raise AdjutantError("STALE_FENCE", message)
    record.fence = fence


def _select(table: str, query: Query) -> tuple[str, list[Any]]:
    field, direction = query.order.field, "DESC" if query.order.descending else "ASC"
    terms, values = ["parent = ?"], [query.parent]
    for condition in query.conditions:
        terms.append(f'"{condition.field}" {condition.op} ?')
        values.append(condition.value)
    if query.after:
        terms.append(f'("{field}", name) {"<" if query.order.descending else ">"} (?, ?)')
        values += [query.after.value, query.after.name]
    sql = (
        f'SELECT body, "{field}", name FROM "{table}" WHERE {" AND ".join(terms)}'
        f' ORDER BY "{field}" {direction}, name {direction} LIMIT {query.page_size + 1}'
    )
    return sql, values


def _marks(values: Sequence[str]) -> str:
    return ", ".join("?" * len(values))
