"""The events that wait in MongoDB, across all documents of a service."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo import DeleteMany, UpdateMany, UpdateOne

from adjutant.event.v1 import event_pb2
from services.mesh.store.mongo_documents import BARE, NOTHING, Document, Waiting
from services.mesh.store.port import OutboxEntry


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
        cursor = self._database[collection].find({"oldest": {"$lt": NOTHING}}, {"outbox": 1})
        return [
            [
                Waiting(collection, found["_id"], element["id"], element)
                for element in found["outbox"]
            ]
            for found in await cursor.sort("oldest", 1).limit(limit).to_list(None)
        ]

    async def clear(self, positions: Sequence[object]) -> None:
        """Forget published events: the first ones of their documents, in order.

        What was committed meanwhile stays, and so does what another relay left.
        """
        by_collection: dict[str, dict[str, list[Document]]] = {}
        for position in positions:
            assert isinstance(position, Waiting)
            by_name = by_collection.setdefault(position.collection, {})
            by_name.setdefault(position.name, []).append(position.element)
        for collection, cleared in by_collection.items():
            await self._database[collection].bulk_write(_cleared(cleared))


def _cleared(cleared: Mapping[str, Sequence[Document]]) -> list[Any]:
    """Return the writes that take events out of documents, each of which may have got more."""
    all_of_them = {"_id": {"$in": list(cleared)}}
    quiet = {**all_of_them, "outbox": {"$size": 0}}
    return [
        *(
            UpdateOne({"_id": name}, {"$pullAll": {"outbox": elements}})
            for name, elements in cleared.items()
        ),
        UpdateMany(quiet, {"$set": {"oldest": NOTHING}}),
        DeleteMany({**all_of_them, **BARE}),  # of a record that was removed nothing else was left
    ]


def _ranked(waiting: Sequence[Waiting]) -> list[tuple[str, Waiting]]:
    ranks = itertools.accumulate((each.event_id for each in waiting), max)
    return list(zip(ranks, waiting, strict=True))


def _entry(waiting: Waiting) -> OutboxEntry:
    element = waiting.element
    event = event_pb2.Event.FromString(element["event"])
    return OutboxEntry(waiting, event, element["headers"])
