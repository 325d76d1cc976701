"""What a guard sees of the SQLite store: the transaction that is under way."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from services.mesh.store.port import Collection, R
from services.mesh.store.rows import marks


class SqliteLook:
    """A Look on one connection."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""
        sql = f'SELECT body FROM "{collection.name}" WHERE name = ?'
        row = self._database.execute(sql, (name,)).fetchone()
        return collection.record.model_validate_json(row[0]) if row else None

    def holds(self, collection: Collection[Any], where: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a record matches; see Look."""
        terms = " AND ".join(f'"{name}" IN ({marks(values)})' for name, values in where.items())
        bound = [value for values in where.values() for value in values]
        sql = f'SELECT 1 FROM "{collection.name}" WHERE {terms} LIMIT 1'
        return self._database.execute(sql, bound).fetchone() is not None
