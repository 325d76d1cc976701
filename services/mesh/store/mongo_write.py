"""How records are written to MongoDB: each change is one write of one document."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

from adjutant.event.v1 import event_pb2
from services.mesh.errors import not_found
from services.mesh.names import new_id
from services.mesh.store.changes import (
    already_exists,
    concurrent_change,
    next_revision,
    raise_fence,
    request_id_reused,
)
from services.mesh.store.mongo_client import available
from services.mesh.store.mongo_documents import (
    Document,
    committed,
    elements_of,
    empty,
    record_of,
    standing,
    whole,
)
from services.mesh.store.mongo_guard import NEWEST, Guards, forget_if_empty, intent_of, pause
from services.mesh.store.port import Collection, Guard, R, Record

ATTEMPTS: Final = 200
"""How often a write is tried that others are in the way of: for ten seconds about."""


@dataclass(frozen=True)
class Edit(Generic[R]):
    """What an update does to the record that it reads."""

    change: Callable[[R], Sequence[event_pb2.Event] | None]
    fence: int | None
    audit: Sequence[event_pb2.Event]
    """Entries for the audit log that go with the change."""
    headers: Mapping[str, str]


class Writes:
    """Writes records of one database."""

    def __init__(self, database: AsyncIOMotorDatabase[Document]) -> None:
        self._database = database
        self._guards = Guards(database)

    async def insert(
        self,
        collection: str,
        record: Record,
        keys: Document,
        elements: list[Document],
        guard: Guard | None,
    ) -> Document | None:
        """Make a record; return the body of the one that the same request made, if any.

        ALREADY_EXISTS, REQUEST_ID_REUSED, and what the guard raises.
        """
        token, fields = new_id(), {**standing(record), **keys}
        for attempt in range(ATTEMPTS):
            first: dict[str, Any] = fields
            if guard:
                first = {**keys, "intent": intent_of(token, record, fields)}
            with available():
                there = await self._place(collection, record.name, first, () if guard else elements)
            if there is None and guard is None:
                return None
            if (
                there is None
                and guard
                and await self._passed(collection, record.name, guard, token)
            ):
                mine = {"_id": record.name, "body": None, "intent.token": token}
                if await self._set(collection, mine, committed(fields, elements, "intent")):
                    return None
            if there and "body" in there:
                return _replayed(there, record.name, keys)
            if there:
                await self._guards.settle(collection, there)
            await pause(attempt)
        raise concurrent_change(record.name)

    async def _place(
        self, collection: str, name: str, fields: Document, elements: Sequence[Document]
    ) -> Document | None:
        """Put fields where no record is; return what is in the way, or None where it is done."""
        documents = self._database[collection]
        try:
            await documents.insert_one(whole({**empty(name), **fields}, elements))
            return None
        except DuplicateKeyError:
            there = await self._first(collection, name, fields["request_key"])
        if there is None or "body" in there or there.get("intent") or there["_id"] != name:
            return there or empty(name)
        # A record was removed whose last events still wait there; what comes next joins them.
        free = {"_id": name, "body": None, "intent": None}
        try:
            done = await documents.update_one(free, committed(fields, elements))
        except DuplicateKeyError:
            return empty(name)
        return None if done.matched_count else empty(name)

    async def _first(self, collection: str, name: str, request_key: str) -> Document | None:
        """Return what stands in the way of an insert: of the same request first."""
        newest = self._database[collection].with_options(read_concern=NEWEST)
        found: Document | None = await newest.find_one({"request_key": request_key})
        return found or await newest.find_one({"_id": name})

    async def update(
        self, collection: Collection[R], name: str, edit: Edit[R], guard: Guard | None
    ) -> tuple[R, list[Document] | None]:
        """Read, change and write; return the record, and its events or None where it is as it was.

        NOT_FOUND, STALE_FENCE, CONCURRENT_CHANGE, and what the guard raises.
        """
        token = new_id()
        for attempt in range(ATTEMPTS):
            record = await self._newest(collection, name)
            if edit.fence is not None:
                raise_fence(record, edit.fence)
            events = edit.change(record)
            if events is None:
                return record, None
            changed = next_revision(record)
            elements = elements_of([*events, *edit.audit], edit.headers)
            if guard:
                done = await self._guarded(collection.name, changed, elements, guard, token)
            else:
                done = await self.write_over(collection.name, changed, elements)
            if done:
                return changed, elements
            await pause(attempt)
        raise concurrent_change(name)

    async def write_over(
        self, collection: str, changed: Record, elements: Sequence[Document]
    ) -> bool:
        """Write a record over the revision before its own; False where that is no more."""
        before = {"_id": changed.name, "revision": changed.revision - 1}
        return await self._set(collection, before, committed(standing(changed), elements))

    async def _guarded(
        self,
        collection: str,
        changed: Record,
        elements: Sequence[Document],
        guard: Guard,
        token: str,
    ) -> bool:
        """Write likewise, where the guard passes; False where others are in the way."""
        fields = standing(changed)
        before: Document = {"_id": changed.name, "revision": changed.revision - 1}
        intent = {"$set": {"intent": intent_of(token, changed, fields)}}
        if not await self._set(collection, {**before, "intent": None}, intent):
            with available():
                found = await self._database[collection].find_one({"_id": changed.name})
            if found:
                await self._guards.settle(collection, found)
            return False
        if not await self._passed(collection, changed.name, guard, token):
            return False
        mine = {**before, "intent.token": token}
        if await self._set(collection, mine, committed(fields, elements, "intent")):
            return True
        await self._guards.withdraw(collection, changed.name, token)  # changed without a guard
        return False

    async def _passed(self, collection: str, name: str, guard: Guard, token: str) -> bool:
        """Run a guard; where it does not pass, the intent is withdrawn."""
        passed, elder = False, None
        try:
            elder = await self._guards.passes(guard, token)
            passed = elder is None
        finally:
            if not passed:
                await self._guards.withdraw(collection, name, token)
        if elder:
            await self._guards.wait_for(elder)
        return passed

    async def bury(self, collection: str, name: str, elements: Sequence[Document]) -> bool:
        """Make a document no record; False where it is none.

        It goes when none of its events waits any more.
        """
        nothing = {key: empty(name)[key] for key in ("parent", "revision", "request_key")}
        there = {"_id": name, "revision": {"$gt": 0}}
        done = await self._set(
            collection, there, committed(nothing, elements, "body", "intent", "request_digest")
        )
        with available():
            await forget_if_empty(self._database[collection], name)
        return done

    async def clear(self, collection: str, found: Document) -> None:
        """Make a document neither a record nor the intent to be one."""
        await self.bury(collection, found["_id"], [])
        if intent := found.get("intent"):
            await self._guards.withdraw(collection, found["_id"], intent["token"])

    async def _newest(self, collection: Collection[R], name: str) -> R:
        documents = self._database[collection.name].with_options(read_concern=NEWEST)
        with available():
            found = await documents.find_one({"_id": name}, {"body": 1})
        if not found or "body" not in found:
            raise not_found(collection.name.removesuffix("s"), name)
        return record_of(collection, found["body"])

    async def _set(self, collection: str, where: Document, update: Document) -> bool:
        with available():
            done = await self._database[collection].update_one(where, update)
        return bool(done.matched_count)


def _replayed(there: Document, name: str, keys: Document) -> Document:
    """Return the body that the same request made, or raise why there is none."""
    if keys["request_key"] == name or there["request_key"] != keys["request_key"]:
        raise already_exists(name)
    if there["request_digest"] != keys["request_digest"]:
        raise request_id_reused()
    body: Document = there["body"]
    return body
