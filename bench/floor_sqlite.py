"""The floor of every change: one SQLite transaction that inserts a document."""

import pathlib
import sqlite3
import tempfile

from bench import harness

NAME = "SQLite commit"
DOCUMENT = '{"state": "QUEUED", "padding": "' + "x" * 600 + '"}'


def connect(path: pathlib.Path) -> sqlite3.Connection:
    """Open a database as durable as the mesh's own: a commit survives any process's death."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("CREATE TABLE document (name TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID")
    return database


def insert(database: sqlite3.Connection, number: int) -> None:
    """Commit one document."""
    database.execute("BEGIN IMMEDIATE")
    database.execute("INSERT INTO document VALUES (?, ?)", (f"runs/{number:08}", DOCUMENT))
    database.execute("COMMIT")


async def measure(seconds: float) -> list[harness.Figure]:
    """Time commits one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        database = connect(pathlib.Path(folder, "floor.db"))
        written = 0

        async def commit() -> None:
            nonlocal written
            insert(database, written)
            written += 1

        samples = await harness.repeat(commit, seconds)
        database.close()
    per_second = len(samples) / sum(samples) * 1000
    return [harness.figure(NAME, samples, per_second=per_second)]


if __name__ == "__main__":
    harness.main(measure, __doc__)
