"""Guarded writes without transactions.

A guarded write is made in three steps: it puts its intent into the document that
it will write, looks at what its guard asks for, and then writes, which removes the
intent. Whoever looks and finds the intent of somebody else does not go on before
that is gone. Everybody writes an intent first and looks second, so of two writes
that exclude each other at least one sees the other. No clock and no lock is part of
this: a process that is paused between two steps finds, when it wakes, that its intent
was withdrawn, and begins again.

When two meet, the younger one withdraws and waits until the elder is through. An intent
that is older than INTENT_S is that of a process which died or was paused, and anybody
withdraws it. A purge withdraws every intent below what was removed: the write that it
belongs to looks again and finds that out.

Not held back are writes without a guard: they are in order before or after the
guarded one, as they are on SQLite, where none of them depends on what a guard saw.
"""

import asyncio
import itertools
import random
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from services.mesh.store import mongo_query
from services.mesh.store.mongo_client import available
from services.mesh.store.mongo_documents import BARE, Document, record_of
from services.mesh.store.port import Collection, Guard, R, Record

INTENT_S: Final = 5.0
"""Seconds for which an intent is respected."""
POLL_S: Final = 0.005
MAX_PAUSE_S: Final = 0.1
# What a majority confirmed lags behind on a server that was only just elected, and there an
# intent could be overlooked; the newest that the primary has holds whatever was confirmed.
NEWEST: Final = ReadConcern("local")


class InTheWayError(Exception):
    """A guard met the intent of another write."""

    def __init__(self, collection: str, name: str, intent: Document) -> None:
        super().__init__(name)
        self.collection = collection
        self.name = name
        self.token: str = intent["token"]
        self.expired: bool = intent["until"] < time.time()


def intent_of(token: str, record: Record, fields: Document) -> Document:
    """Return the intent to make a document this record."""
    until = time.time() + INTENT_S
    return {"token": token, "until": until, "parent": fields["parent"], "body": fields["body"]}


class MongoLook:
    """A Look of one guarded write. InTheWayError where another one is under way."""

    def __init__(self, database: Database[Document], token: str) -> None:
        self._database = database
        self._token = token

    def find(self, collection: Collection[R], name: str) -> R | None:
        """Return a record, or None."""
        found = self._in(collection).find_one({"_id": name}, {"body": 1, "intent": 1})
        if found is None:
            return None
        self._pass(collection.name, found)
        return record_of(collection, found["body"]) if "body" in found else None

    def holds(self, collection: Collection[Any], where: Mapping[str, Sequence[str]]) -> bool:
        """Tell whether a record matches; see Look."""
        terms = mongo_query.match(where)
        untouched = {"$or": [{"intent": None}, {"intent.token": self._token}]}
        # No matter who else is about to write one: so those who lost a place hear of it at once.
        if self._in(collection).find_one({"$and": [*terms, untouched]}, {"_id": 1}):
            return True
        for found in self._in(collection).find({"intent.token": {"$gt": ""}}, {"intent": 1}):
            if _would_match(found["intent"], where):
                self._pass(collection.name, found)
        return self._in(collection).find_one({"$and": terms}, {"_id": 1}) is not None

    def _in(self, collection: Collection[Any]) -> Any:
        return self._database.get_collection(collection.name, read_concern=NEWEST)

    def _pass(self, collection: str, found: Document) -> None:
        intent = found.get("intent")
        if intent and intent["token"] != self._token:
            raise InTheWayError(collection, found["_id"], intent)


def _would_match(intent: Document, where: Mapping[str, Sequence[str]]) -> bool:
    held = {**intent["body"], "parent": intent["parent"]}
    return all(held.get(field) in values for field, values in where.items())


class Guards:
    """Runs guards on one database."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database

    async def passes(self, guard: Guard, token: str) -> InTheWayError | None:
        """Run a guard; return the elder write that is in its way, if any. What it raises."""
        look = MongoLook(self._database.delegate, token)
        while True:
            try:
                with available():
                    await asyncio.to_thread(guard, look)
                return None
            except InTheWayError as met:
                if met.expired:
                    await self.withdraw(met.collection, met.name, met.token)
                elif met.token < token:
                    return met
                else:
                    await asyncio.sleep(POLL_S)

    async def wait_for(self, elder: InTheWayError) -> None:
        """Wait until an elder write is through, or its intent is too old to be respected.

        Who tried again at once would be in its way for ever, with others who do the same.
        """
        documents = self._database[elder.collection]
        intent = {"_id": elder.name, "intent.token": elder.token}
        for attempt in itertools.count():
            with available():
                found = await documents.find_one(
                    {**intent, "intent.until": {"$gte": time.time()}}, {"_id": 1}
                )
            if found is None:
                return
            await pause(attempt)

    async def withdraw(self, collection: str, name: str, token: str) -> None:
        """Take an intent back, and the document with it where it is nothing else."""
        documents = self._database[collection]
        with available():
            mine = {"_id": name, "intent.token": token}
            gone = {"$unset": {"intent": ""}}
            bare = {"$set": {"request_key": name, "request_digest": None}, **gone}
            if (await documents.update_one({**mine, "body": None}, bare)).matched_count:
                await forget_if_empty(documents, name)
            else:
                await documents.update_one(mine, gone)

    async def settle(self, collection: str, found: Document) -> None:
        """Withdraw the intent of a document where it is too old; else give it time."""
        intent = found.get("intent")
        if intent and intent["until"] < time.time():
            await self.withdraw(collection, found["_id"], intent["token"])
        else:
            await asyncio.sleep(POLL_S)


async def pause(attempt: int) -> None:
    """Wait a moment, longer and longer, by chance."""
    await asyncio.sleep(random.uniform(0, min(0.002 * 2 ** min(attempt, 6), MAX_PAUSE_S)))


async def forget_if_empty(documents: Any, name: str) -> None:
    """Remove a document that is no record, keeps no event and reserves no name."""
    await documents.delete_one({"_id": name, **BARE})
