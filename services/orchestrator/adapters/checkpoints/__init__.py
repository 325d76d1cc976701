"""Checkpoints of the tasks' graphs, kept where the store keeps its records.

Each is written under a fence: the token of the lease that its pass holds. A process
that was paused past its lease may wake at any moment and write; no later holder ever
resumes from what it writes then.
"""

import contextlib
from collections.abc import AsyncIterator

from services.mesh.access.guard import GuardedStore
from services.mesh.store import Store
from services.orchestrator.adapters.checkpoints.base import Checkpoints
from services.orchestrator.adapters.checkpoints.fence import writing_under
from services.orchestrator.adapters.checkpoints.sqlite import open_sqlite
from services.orchestrator.settings import OrchestratorSettings


@contextlib.asynccontextmanager
async def open_checkpoints(
    settings: OrchestratorSettings, store: Store
) -> AsyncIterator[Checkpoints]:
    """Open the checkpoints that stand beside a store, making what is missing."""
    if settings.store == "mongo":
        # Only the extra brings its driver.
        from services.orchestrator.adapters.checkpoints.mongo import open_mongo

        inner = store.inner if isinstance(store, GuardedStore) else store
        in_mongo = await open_mongo(inner)
        in_mongo.keep = settings.checkpoint_keep
        yield in_mongo
        return
    path = settings.service_dir / "checkpoints.db"
    async with open_sqlite(path, settings.sqlite_synchronous) as saver:
        saver.keep = settings.checkpoint_keep
        yield saver


__all__ = ["Checkpoints", "open_checkpoints", "writing_under"]
