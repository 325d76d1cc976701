"""Checkpoints in a SQLite file of their own.

The highest fence of each thread stands in a table, and is compared and raised in the
transaction that writes a checkpoint: a holder of an earlier lease writes nothing any more.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from services.orchestrator.adapters.checkpoints.base import Checkpoints
from services.orchestrator.adapters.checkpoints.fence import fence_of, stale

P = ParamSpec("P")
T = TypeVar("T")
_FENCES: Final = """
CREATE TABLE IF NOT EXISTS fences (thread_id TEXT PRIMARY KEY, fence INTEGER NOT NULL)"""
_RAISE: Final = """
INSERT INTO fences (thread_id, fence) VALUES (?, ?)
ON CONFLICT (thread_id) DO UPDATE SET fence = excluded.fence WHERE excluded.fence >= fence"""

_PRUNE: Final = """
DELETE FROM checkpoints WHERE thread_id = :thread AND checkpoint_id NOT IN (
    SELECT checkpoint_id FROM (
        SELECT checkpoint_id, ROW_NUMBER()
            OVER (PARTITION BY checkpoint_ns ORDER BY checkpoint_id DESC) AS place
        FROM checkpoints WHERE thread_id = :thread
    ) WHERE place <= :keep
)"""
_PRUNE_WRITES: Final = """
DELETE FROM writes WHERE thread_id = :thread AND checkpoint_id NOT IN (
    SELECT checkpoint_id FROM checkpoints WHERE thread_id = :thread
)"""


class SqliteCheckpoints(Checkpoints, SqliteSaver):
    """A saver on one connection, with a thread of its own."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        SqliteSaver.__init__(self, connection)
        self._thread = ThreadPoolExecutor(1, "checkpoints")
        self.setup()
        connection.execute(_FENCES)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, and take its thread over. STALE_FENCE."""
        if fence_of(config):
            with self._fenced(config):
                self.conn.commit()
        return SqliteSaver.get_tuple(self, config)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint. STALE_FENCE."""
        with self._fenced(config):  # which the library commits with what it writes
            return SqliteSaver.put(self, config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a node wrote. STALE_FENCE."""
        with self._fenced(config):
            SqliteSaver.put_writes(self, config, writes, task_id, task_path)

    def trim(self, thread_id: str, keep: int) -> None:
        """Remove all but the newest checkpoints of a thread."""
        with self.conn:
            self.conn.execute(_PRUNE, {"thread": thread_id, "keep": keep})
            self.conn.execute(_PRUNE_WRITES, {"thread": thread_id})

    def delete_thread(self, thread_id: str) -> None:
        """Remove all of a thread."""
        SqliteSaver.delete_thread(self, thread_id)
        with self.conn:
            self.conn.execute("DELETE FROM fences WHERE thread_id = ?", (thread_id,))

    @contextlib.contextmanager
    def _fenced(self, config: RunnableConfig) -> Iterator[None]:
        """Begin a transaction that is refused to whoever comes after a later holder."""
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            thread, fence = config["configurable"]["thread_id"], fence_of(config)
            if fence and not self.conn.execute(_RAISE, (thread, fence)).rowcount:
                raise stale(config)
            yield
        finally:
            if self.conn.in_transaction:
                self.conn.rollback()

    async def remove_below(self, parent: str) -> None:
        """Remove all checkpoints of the tasks in a project."""

        def remove() -> None:
            # The names that begin with `parent/`, for 0 comes after / in ASCII.
            bounds = (f"{parent}/", f"{parent}0")
            for table in ("checkpoints", "writes", "fences"):
                sql = f"DELETE FROM {table} WHERE thread_id > ? AND thread_id < ?"
                self.conn.execute(sql, bounds)
            self.conn.commit()

        await self._do(remove)

    async def close(self) -> None:
        """Close the file, after what is under way."""
        await self._do(self.conn.close)
        self._thread.shutdown()

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        # Shielded: a cancelled pass must not leave the connection's lock to a later one.
        return await asyncio.shield(
            loop.run_in_executor(self._thread, lambda: work(*args, **kwargs))
        )


@contextlib.asynccontextmanager
async def open_sqlite(path: Path, synchronous: str) -> AsyncIterator[SqliteCheckpoints]:
    """Open the checkpoints at `path`, making the file where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    saver = SqliteCheckpoints(connection)
    try:
        yield saver
    finally:
        await saver.close()
