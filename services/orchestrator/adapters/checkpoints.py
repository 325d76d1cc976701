"""Checkpoints of the tasks' graphs, in a SQLite file of their own."""

import contextlib
import contextvars
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

# Checkpoints hold plain data only; anything else is refused when it is read.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.types import ERROR
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from services.mesh.lease import Lease

_lease: contextvars.ContextVar[Lease | None] = contextvars.ContextVar("lease", default=None)


class FencedSaver(AsyncSqliteSaver):
    """Writes checkpoints only while the lease of the pass is held.

    A process that was paused past its lease would otherwise write over what
    the next holder wrote.
    """

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint. STALE_FENCE."""
        _check_lease()
        return await super().aput(config, checkpoint, metadata, new_versions)

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
            await super().aput_writes(config, kept, task_id, task_path)


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
    async with FencedSaver.from_conn_string(str(path)) as saver:
        await saver.setup()
        await saver.conn.execute(f"PRAGMA synchronous = {synchronous}")
        yield saver  # type: ignore[misc]  # from_conn_string makes one of this class


def _check_lease() -> None:
    lease = _lease.get()
    if lease is not None:
        lease.check()
