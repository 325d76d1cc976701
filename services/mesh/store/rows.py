"""Reading and writing rows within a transaction of the SQLite store."""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from services.mesh import telemetry
from services.mesh.errors import not_found
from services.mesh.store import schema
from services.mesh.store.changes import (
    MAX_PAGE_BYTES,
    PURGE_BATCH,
    already_exists,
    concurrent_change,
    request_id_reused,
)
from services.mesh.store.port import Collection, R
from services.mesh.store.query import Query

LAST_CHARACTER: Final = "\U0010ffff"
"""Comes after whatever a word may go on with."""


def headers() -> str:
    """Return the current trace, as it stands beside an event in the outbox."""
    return json.dumps(telemetry.inject())


def outbox_rows(events: Sequence[event_pb2.Event], headers: str) -> list[tuple[bytes, str]]:
    """Return events as they stand in the outbox."""
    return [(event.SerializeToString(), headers) for event in events]


def read(database: sqlite3.Connection, collection: Collection[R], name: str) -> R:
    """Return a record. NOT_FOUND."""
    sql = f'SELECT body FROM "{collection.name}" WHERE name = ?'
    row = database.execute(sql, (name,)).fetchone()
    if row is None:
        raise not_found(collection.name.removesuffix("s"), name)
    return collection.record.model_validate_json(row[0])


def write_over(
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
        raise concurrent_change(changed.name)
    database.executemany(schema.INSERT_OUTBOX, outbox)


def replayed(
    database: sqlite3.Connection, table: str, name: str, key: str | None, digest: str | None
) -> str:
    """Return the body that the same request made, or raise why there is none."""
    row = database.execute(
        f'SELECT request_digest, body FROM "{table}" WHERE request_key = ?', (key,)
    ).fetchone()
    if row is None:
        raise already_exists(name)
    if row[0] != digest:
        raise request_id_reused()
    return str(row[1])


def select(
    table: str, query: Query, where: Mapping[str, str], words: Sequence[tuple[str, str]] = ()
) -> tuple[str, list[Any]]:
    """Return the statement of a page, and what to bind.

    `words` keeps what has a word, within a value, that begins like each: pairs of value and word.
    """
    field, direction = query.order.field, "DESC" if query.order.descending else "ASC"
    fixed = dict(where) if query.parent is None else {"parent": query.parent, **where}
    terms = [f'"{own}" = ?' for own in fixed] or ["TRUE"]
    values = list(fixed.values())
    for condition in query.conditions:
        terms.append(f'"{condition.field}" {condition.op} ?')
        values.append(condition.value)
    for within, word in words:
        terms.append(f"name IN ({schema.find_word(table)})")
        values += [within, word, word + LAST_CHARACTER]
    if query.after:
        terms.append(f'("{field}", name) {"<" if query.order.descending else ">"} (?, ?)')
        values += [query.after.value, query.after.name]
    sql = (
        f'SELECT body, "{field}", name FROM "{table}" WHERE {" AND ".join(terms)}'
        f' ORDER BY "{field}" {direction}, name {direction} LIMIT {query.page_size + 1}'
    )
    return sql, values


def purge(database: sqlite3.Connection, table: str, parent: str) -> int:
    """Remove some of what is below a parent, and return how many; 0 when nothing is left."""
    # The names that begin with `parent/` stand between it and `parent0`, for 0 comes after /.
    sql = (
        f'DELETE FROM "{table}" WHERE name IN'
        f' (SELECT name FROM "{table}" WHERE name > ? AND name < ? LIMIT {PURGE_BATCH})'
    )
    return database.execute(sql, (f"{parent}/", f"{parent}0")).rowcount


def that_fit(found: Iterable[Any], page_size: int) -> tuple[list[Any], bool]:
    """Return a page's rows, and whether there are more.

    They are as many as one message takes, and at least one; no more is read than that.
    """
    shown: list[Any] = []
    size = 0
    for row in found:
        size += len(row[0])
        if shown and (size > MAX_PAGE_BYTES or len(shown) == page_size):
            return shown, True
        shown.append(row)
    return shown, False


def marks(values: Sequence[str]) -> str:
    """Return as many question marks as there are values."""
    return ", ".join("?" * len(values))
