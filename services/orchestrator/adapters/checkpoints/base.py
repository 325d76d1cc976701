"""What the savers have in common: asynchronous calls over the library's synchronous ones."""

import os
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, ParamSpec, TypeVar

# Checkpoints hold plain data only; anything else is refused when it is read.
os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.serde.types import ERROR

from services.orchestrator.adapters.checkpoints.fence import check_lease

P = ParamSpec("P")
T = TypeVar("T")


class Checkpoints(BaseCheckpointSaver[Any]):
    """A saver that refuses the writes of whoever lost the task.

    Each call is one trip to a thread; the library's asynchronous savers make several.
    """

    keep: int = 10
    """How many checkpoints of a thread are kept, the newest; up to twice as many for a while."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a thread's checkpoint, or None; with a fence, take the thread over. STALE_FENCE.

        What the holders before wrote is what goes on; what they write from then on is not.
        """
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
        """Store a checkpoint, and now and then remove old ones. STALE_FENCE."""
        check_lease()

        def store() -> RunnableConfig:
            stored = self.put(config, checkpoint, metadata, new_versions)
            if metadata.get("step", 0) % self.keep == 0:
                self.trim(config["configurable"]["thread_id"], self.keep)
            return stored

        return await self._do(store)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a node wrote. STALE_FENCE."""
        check_lease()
        # A failed node is run again; what it raised belongs into the log, not into a checkpoint.
        kept = [write for write in writes if write[0] != ERROR]
        if kept:
            await self._do(self.put_writes, config, kept, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a thread."""
        await self._do(self.delete_thread, thread_id)

    async def compact(self, thread_id: str) -> None:
        """Keep of a thread that has ended its last checkpoint alone."""
        await self._do(self.trim, thread_id, 1)

    @abstractmethod
    def trim(self, thread_id: str, keep: int) -> None:
        """Remove all but the newest checkpoints of a thread, and what belongs to those."""

    @abstractmethod
    async def remove_below(self, parent: str) -> None:
        """Remove all checkpoints of the tasks in a project."""

    @abstractmethod
    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking work in a thread, to its end whoever is cancelled meanwhile."""
