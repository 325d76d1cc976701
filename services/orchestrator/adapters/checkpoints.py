"""Checkpoints of the tasks' graphs, in a SQLite file of their own."""

import asyncio
import contextlib
import contextvars
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

# Checkpoints hold plain data only; anything else is refused when it is read.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.types import ERROR
from langgraph.checkpoint.sqlite import SqliteSaver

from services.mesh.lease import Lease

P = ParamSpec("P")
T = TypeVar("T")
_lease: contextvars.ContextVar[Lease | None] = contextvars.ContextVar("lease", default=None)


class FencedSaver(SqliteSaver):
    """Writes checkpoints only while the lease of the pass is held.

    A process that was paused past its lease would otherwise write over what
    the next holder wrote. Each call is one trip to the connection's own
    thread; the library's asynchronous saver makes three or four.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._thread = ThreadPoolExecutor(1, "checkpoints")

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a thread's checkpoint, or None."""
        return await self._do(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002  # the library names it so
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Yield a thread's checkpoints, newest first."""

        def found() -> list[CheckpointTuple]:
            return list(self.list(config, filter=filter, before=before, limit=limit))

        for checkpoint in await self._do(found):
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint. STALE_FENCE."""
        _check_lease()
        return await self._do(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a node wrote. STALE_FENCE."""
        _check_lease()
        # A failed node is run again; what it raised belongs into the log, not into a checkpoint.
        kept = [write for write in writes if write[0] != ERROR]
        if kept:
            await self._do(self.put_writes, config, kept, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a thread."""
        await self._do(self.delete_thread, thread_id)

    async def remove_below(self, parent: str) -> None:
        """Remove all checkpoints of the tasks in a project."""

        def remove() -> None:
            # The names that begin with `parent/`, for 0 comes after / in ASCII.
            sql = "SELECT DISTINCT thread_id FROM checkpoints WHERE thread_id > ? AND thread_id < ?"
            found = self.conn.execute(sql, (f"{parent}/", f"{parent}0")).fetchall()
            for (thread,) in found:
                self.delete_thread(thread)

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


@contextlib.contextmanager
def writing_under(lease: Lease) -> Iterator[None]:
    """Let the block write checkpoints for as long as the lease is held."""
    token = _lease.set(lease)
    try:
        yield
    finally:
        _lease.reset(token)


@contextlib.asynccontextmanager
async def open_checkpoints(path: Path, synchronous: str) -> AsyncIterator[FencedSaver]:
    """Open the checkpoints at `path`, making the file where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    saver = FencedSaver(connection)
    saver.setup()
    try:
        yield saver
    finally:
        await saver.close()


def _check_lease() -> None:
    lease = _lease.get()
    if lease is not None:
        lease.check()
