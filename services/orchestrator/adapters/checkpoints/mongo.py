"""Checkpoints in MongoDB, on the store's own pool of connections.

A fence cannot be compared in the write of another document, so each checkpoint and each
of a node's writes carries the fence that it was made under, and reads choose. Whoever
takes a thread over adopts its latest checkpoint and the writes that belong to it: from then on
they stand under the new fence, and what an earlier holder still adds is behind them.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.mongodb import MongoDBSaver
from langgraph.checkpoint.mongodb.utils import dumps_metadata
from pymongo import UpdateOne

from services.mesh.store import Store
from services.mesh.store.mongo import MongoStore
from services.mesh.store.mongo_client import available
from services.mesh.store.mongo_guard import NEWEST
from services.orchestrator.adapters.checkpoints.base import Checkpoints
from services.orchestrator.adapters.checkpoints.fence import fence_of, stale

P = ParamSpec("P")
T = TypeVar("T")
Document = dict[str, Any]
_NEWEST_FIRST = [("fence", -1), ("checkpoint_id", -1)]


async def open_mongo(store: Store) -> "MongoCheckpoints":
    """Open the checkpoints in the database of a store, making their indexes."""
    assert isinstance(store, MongoStore)
    client, name = store.client.delegate, store.database.name
    return await asyncio.to_thread(MongoCheckpoints, client, name)


class MongoCheckpoints(Checkpoints, MongoDBSaver):
    """A saver on a client that somebody else closes."""

    def __init__(self, client: Any, database: str) -> None:
        with available():
            MongoDBSaver.__init__(self, client, database)
            of_thread = [("thread_id", 1), ("checkpoint_ns", 1), ("fence", -1)]
            if "newest" not in self.checkpoint_collection.index_information():
                self.checkpoint_collection.create_index(
                    [*of_thread, ("checkpoint_id", -1)], name="newest"
                )
        # What was written is read, also from a server that became the primary just now.
        self.checkpoint_collection = self.checkpoint_collection.with_options(read_concern=NEWEST)
        self.writes_collection = self.writes_collection.with_options(read_concern=NEWEST)

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, and with a fence take its thread over. STALE_FENCE."""
        which = _place(config)
        if chosen := get_checkpoint_id(config):
            which["checkpoint_id"] = chosen
        found = self.checkpoint_collection.find_one(which, {"checkpoint": 0}, sort=_NEWEST_FIRST)
        if found is None:
            return None
        which["checkpoint_id"] = found["checkpoint_id"]
        before, mine = found.get("fence", 0), fence_of(config)
        if mine and before > mine:
            raise stale(config)
        if mine > before and not chosen:
            self._adopt(which, mine)
            before = mine
        whole = MongoDBSaver.get_tuple(self, {"configurable": which})
        return whole._replace(pending_writes=self._writes(which, before)) if whole else None

    def _adopt(self, which: Document, fence: int) -> None:
        lower = {**which, "fence": {"$lt": fence}}
        self.checkpoint_collection.update_one(lower, {"$set": {"fence": fence}})
        self.writes_collection.update_many(lower, {"$set": {"fence": fence}})

    def _writes(self, which: Document, fence: int) -> list[tuple[str, str, Any]]:
        """Return what nodes wrote after a checkpoint, but for what was added behind it."""
        found = self.writes_collection.find({**which, "fence": {"$gte": fence}})
        load = self.serde.loads_typed
        return [
            (each["task_id"], each["channel"], load((each["type"], each["value"])))
            for each in found
        ]

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint under its fence. STALE_FENCE where a later holder is seen."""
        self._require_latest(config)
        which, fence = _place(config), fence_of(config)
        kind, value = self.serde.dumps_typed(checkpoint)
        written = {
            "parent_checkpoint_id": config["configurable"].get("checkpoint_id"),
            "type": kind,
            "checkpoint": value,
            "metadata": dumps_metadata(self.serde, get_checkpoint_metadata(config, metadata)),
            "fence": fence,
        }
        which["checkpoint_id"] = checkpoint["id"]
        self.checkpoint_collection.update_one(which, {"$set": written}, upsert=True)
        return {"configurable": which}

    def _require_latest(self, config: RunnableConfig) -> None:
        """Spare a process that woke late its work; whether it sees it in time decides nothing."""
        later = {**_place(config), "fence": {"$gt": fence_of(config)}}
        if fence_of(config) and self.checkpoint_collection.find_one(later, {"_id": 1}):
            raise stale(config)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store what a node wrote, over what an earlier holder wrote for the same node."""
        which, fence = _place(config), fence_of(config)
        which["checkpoint_id"] = config["configurable"]["checkpoint_id"]
        # What the library itself notes is written anew; of a node's own the first holds. Over what
        # a later holder wrote nothing is written.
        over = "$lte" if all(write[0] in WRITES_IDX_MAP for write in writes) else "$lt"
        operations: list[UpdateOne] = []
        for at, (channel, value) in enumerate(writes):
            place = WRITES_IDX_MAP.get(channel, at)
            key = {**which, "task_id": task_id, "task_path": task_path, "idx": place}
            kind, dumped = self.serde.dumps_typed(value)
            written = {"channel": channel, "type": kind, "value": dumped, "fence": fence}
            operations += [
                UpdateOne({**key, "fence": {over: fence}}, {"$set": written}),
                UpdateOne(key, {"$setOnInsert": written}, upsert=True),
            ]
        self.writes_collection.bulk_write(operations)

    def trim(self, thread_id: str, keep: int) -> None:
        """Remove all but the newest checkpoints of a thread."""
        of_thread: Document = {"thread_id": thread_id}
        for namespace in self.checkpoint_collection.distinct("checkpoint_ns", of_thread):
            here = {**of_thread, "checkpoint_ns": namespace}
            newest = self.checkpoint_collection.find(
                here, {"checkpoint_id": 1}, sort=_NEWEST_FIRST, limit=keep
            )
            older = {**here, "checkpoint_id": {"$nin": [each["checkpoint_id"] for each in newest]}}
            self.checkpoint_collection.delete_many(older)
            self.writes_collection.delete_many(older)

    async def remove_below(self, parent: str) -> None:
        """Remove all checkpoints of the tasks in a project."""

        def remove() -> None:
            # The names that begin with `parent/`, for 0 comes after / in ASCII.
            below = {"thread_id": {"$gt": f"{parent}/", "$lt": f"{parent}0"}}
            self.checkpoint_collection.delete_many(below)
            self.writes_collection.delete_many(below)

        await self._do(remove)

    async def _do(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def answered() -> T:
            with available():
                return work(*args, **kwargs)

        return await asyncio.shield(asyncio.to_thread(answered))


def _place(config: RunnableConfig) -> Document:
    """Return the thread that a call is about."""
    where = config["configurable"]
    return {"thread_id": where["thread_id"], "checkpoint_ns": where.get("checkpoint_ns", "")}
