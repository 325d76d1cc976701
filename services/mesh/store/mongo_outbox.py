"""The events that wait in MongoDB, across all documents of a service."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import DeleteOne, UpdateOne

from adjutant.event.v1 import event_pb2
from services.mesh.store.mongo_documents import NOTHING, Document, Waiting
from services.mesh.store.port import OutboxEntry

_FIELDS = {"outbox": 1, "revision": 1}


class Outbox:
    """Reads and clears what waits in some collections."""

    def __init__(
        self, database: AsyncIOMotorDatabase[Document], collections: Sequence[str]
    ) -> None:
        self._database = database
        self._collections = collections

    async def read(self, limit: int) -> list[OutboxEntry]:
        """Return the oldest events, those of one document in the order of its commits."""
        found = await asyncio.gather(*(self._read(name, limit) for name in self._collections))
        # An id may be older than that of an event before it, where the clocks of two replicas
        # differ: within a document the order is that of the commits.
        ranked = [
            (rank, at, waiting)
            for document in itertools.chain.from_iterable(found)
            for at, (rank, waiting) in enumerate(_ranked(document))
        ]
        ranked.sort(key=lambda each: (each[0], each[2].name, each[1]))
        return [_entry(waiting) for _, _, waiting in ranked[:limit]]

    async def _read(self, collection: str, limit: int) -> list[list[Waiting]]:
        cursor = self._database[collection].find({"oldest": {"$lt": NOTHING}}, _FIELDS)
        return [
            [
                Waiting(collection, found["_id"], element["id"], element, not found["revision"])
                for element in found["outbox"]
            ]
            for found in await cursor.sort("oldest", 1).limit(limit).to_list(None)
        ]

    async def clear(self, positions: Sequence[object]) -> None:
        """Forget published events: the first ones of their documents, in order.

        What was committed meanwhile stays, and so does what another relay left.
        """
        by_document: dict[tuple[str, str], list[Waiting]] = {}
        for position in positions:
            assert isinstance(position, Waiting)
            by_document.setdefault((position.collection, position.name), []).append(position)
        writes: dict[str, list[Any]] = {}
        for (collection, name), cleared in by_document.items():
            writes.setdefault(collection, []).extend(_cleared(name, cleared))
        for collection, operations in writes.items():
            await self._database[collection].bulk_write(operations)


def _cleared(name: str, cleared: Sequence[Waiting]) -> list[Any]:
    elements = [each.element for each in cleared]
    # Where the newest is among them nothing was pushed since, hence nothing is left.
    last = {"_id": name, "newest": cleared[-1].event_id}
    operations: list[Any] = [
        UpdateOne({"_id": name}, {"$pullAll": {"outbox": elements}}),
        UpdateOne(last, {"$set": {"oldest": NOTHING, "newest": ""}}),
    ]
    if cleared[0].bare:
        operations.append(DeleteOne({"_id": name, "body": None, "intent": None, "oldest": NOTHING}))
    return operations


def _ranked(waiting: Sequence[Waiting]) -> list[tuple[str, Waiting]]:
    ranks = itertools.accumulate((each.event_id for each in waiting), max)
    return list(zip(ranks, waiting, strict=True))


def _entry(waiting: Waiting) -> OutboxEntry:
    element = waiting.element
    event = event_pb2.Event.FromString(element["event"])
    return OutboxEntry(waiting, event, element["headers"])
