"""Tables of the SQLite store: one per collection, and the outbox."""

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from services.mesh.store.port import Collection, WordIndex

BUSY_TIMEOUT_S: Final = 10.0
_WAL_RETRY_S: Final = 0.01
INSERT_OUTBOX: Final = "INSERT INTO outbox (event, headers) VALUES (?, ?)"
_OUTBOX: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    event BLOB NOT NULL,
    headers TEXT NOT NULL
)"""


_WORDS: Final = """
INSERT OR IGNORE INTO "{table}_words" (within, word, name)
SELECT {row}."{within}", value, {row}.name FROM {rows}json_each({row}.body, '$.{words}')"""


def connect(path: Path, synchronous: str) -> sqlite3.Connection:
    """Open a connection whose transactions we begin and end ourselves."""
    database = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    _use_wal(database)
    database.execute(f"PRAGMA synchronous = {synchronous}")
    return database


def _use_wal(database: sqlite3.Connection) -> None:
    """Turn the write-ahead log on.

    SQLite does not wait for its lock here whatever the timeout says, and a replica that
    starts at the same moment may have it.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_WAL_RETRY_S)
        else:
            return


def migrate(database: sqlite3.Connection, collections: Sequence[Collection[Any]]) -> None:
    """Make what is missing; what is there stays."""
    database.execute(_OUTBOX)
    for collection in collections:
        _make_table(database, collection)
        if collection.searched:
            _index_words(database, collection.name, collection.searched)


def find_word(table: str) -> str:
    """Return the query for the names of records with a word in a range, within a value."""
    return f'SELECT name FROM "{table}_words" WHERE within = ? AND word >= ? AND word < ?'


def _make_table(database: sqlite3.Connection, collection: Collection[Any]) -> None:
    table = collection.name
    database.execute(
        f'CREATE TABLE IF NOT EXISTS "{table}" (name TEXT PRIMARY KEY, parent TEXT NOT NULL,'
        " revision INTEGER NOT NULL, request_key TEXT UNIQUE, request_digest TEXT,"
        " body TEXT NOT NULL)"
    )
    columns = {row[1] for row in database.execute(f'PRAGMA table_xinfo("{table}")')}
    for field in (*collection.queryable, *collection.hidden):
        if field not in columns:
            database.execute(
                f'ALTER TABLE "{table}" ADD COLUMN "{field}" TEXT'
                f" GENERATED ALWAYS AS (json_extract(body, '$.{field}')) VIRTUAL"
            )
    for field in collection.queryable:
        database.execute(
            f'CREATE INDEX IF NOT EXISTS "{table}_{field}" ON "{table}" (parent, "{field}", name)'
        )
    for field in collection.hidden:
        # A service's own choice leaves a list in its usual order, newest first.
        database.execute(
            f'CREATE INDEX IF NOT EXISTS "{table}_{field}_list"'
            f' ON "{table}" (parent, "{field}", create_time, name)'
        )
    for field in (*collection.fields, *collection.hidden):
        database.execute(
            f'CREATE INDEX IF NOT EXISTS "{table}_{field}_scan"'
            f' ON "{table}" ("{field}", create_time, name)'
        )
    database.execute(
        f'CREATE INDEX IF NOT EXISTS "{table}_by_time" ON "{table}" (create_time, name)'
    )


def _index_words(database: sqlite3.Connection, table: str, index: WordIndex) -> None:
    """Keep a table of the words of a collection's records, which triggers fill."""
    named = "SELECT 1 FROM sqlite_master WHERE name = ?"
    if database.execute(named, (f"{table}_words",)).fetchone():
        return
    database.execute(
        f'CREATE TABLE "{table}_words" (within TEXT NOT NULL, word TEXT NOT NULL,'
        " name TEXT NOT NULL, PRIMARY KEY (within, word, name)) WITHOUT ROWID"
    )
    database.execute(f'CREATE INDEX "{table}_words_of" ON "{table}_words" (name)')
    put_in = _WORDS.format(table=table, row="NEW", rows="", within=index.within, words=index.words)
    take_out = f'DELETE FROM "{table}_words" WHERE name = OLD.name'
    for event, work in (
        ("INSERT", put_in),
        ("DELETE", take_out),
        ("UPDATE", f"{take_out}; {put_in}"),
    ):
        database.execute(
            f'CREATE TRIGGER "{table}_words_{event}" AFTER {event} ON "{table}" BEGIN {work}; END'
        )
    there = _WORDS.format(
        table=table, row="kept", rows=f'"{table}" AS kept, ', within=index.within, words=index.words
    )
    database.execute(there)
