"""Writes of the hierarchy and of keys, and how every service comes to know of them.

A change is committed with its event, then put into the bucket that every
service follows. What a crash or a lost event log left between the two is
made up for by the event, which comes back to us, and by a full pass at the
start and whenever the event log is back.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from adjutant.event.v1 import event_pb2
from services.mesh.access.policy import Policy
from services.mesh.errors import AdjutantError
from services.mesh.names import collection_and_id
from services.mesh.store import Collection, Guard, RequestKey, Store
from services.orchestrator.tenancy.api_key import API_KEYS, ApiKeyRecord
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.group import GROUPS
from services.orchestrator.tenancy.node import NodeRecord, announce
from services.orchestrator.tenancy.policies import policy_of
from services.orchestrator.tenancy.project import PROJECTS

log = logging.getLogger(__name__)
PUT_TIMEOUT_S: Final = 2.0
RETRY_S: Final = 1.0
Entry = NodeRecord | ApiKeyRecord
E = TypeVar("E", bound=NodeRecord | ApiKeyRecord)
Events = Sequence[event_pb2.Event]
Change = Callable[[E], bool]
"""Alters a record in place; False where it leaves it as it is."""
KEPT: Final[Mapping[str, Collection[Any]]] = {
    collection.name: collection for collection in (CLIENTS, GROUPS, PROJECTS, API_KEYS)
}


class Policies(Protocol):
    """Where services find who may do what."""

    async def put(self, policy: Policy) -> None:
        """Put a policy where no newer one stands. EVENT_LOG_UNAVAILABLE."""


class Directory:
    """Changes clients, groups, projects and keys so that every service learns of it."""

    def __init__(self, store: Store, policies: Policies) -> None:
        self._store = store
        self._policies = policies
        self._again = asyncio.Event()

    async def insert(
        self,
        collection: Collection[E],
        record: E,
        *,
        request: RequestKey | None = None,
        guard: Guard | None = None,
    ) -> tuple[E, bool]:
        """Make a record; return it, and whether it is new. ALREADY_EXISTS, REQUEST_ID_REUSED."""
        inserted = await self._store.insert(
            collection,
            record,
            events=[announce(record.name, "CREATED")],
            request=request,
            guard=guard,
        )
        await self._publish(inserted.record)
        return inserted.record, inserted.created

    async def change(
        self,
        collection: Collection[E],
        name: str,
        change: Change[E],
        *,
        kind: str = "UPDATED",
        guard: Guard | None = None,
    ) -> E:
        """Change a record. What `change` and `guard` raise; NOT_FOUND."""

        def write(record: E) -> Events | None:
            return [announce(name, kind)] if change(record) else None

        changed = await self._store.update(collection, name, write, guard=guard)
        await self._publish(changed)
        return changed

    async def on_access_changed(self, event: event_pb2.Event) -> None:
        """Put what an event tells of, in case that its writer could not."""
        collection = KEPT.get(collection_and_id(event.resource)[0])
        record = await self._store.find(collection, event.resource) if collection else None
        if record is not None:
            await self._policies.put(policy_of(record))

    def publish_again(self) -> None:
        """Have everything put anew soon: the bucket may have been replaced."""
        self._again.set()

    async def reconcile_forever(self) -> None:
        """Put everything at the start, and whenever that is asked for."""
        while True:
            self._again.clear()
            try:
                await self.publish_all()
            except AdjutantError as error:
                log.warning("who may do what is published later: %s", error.message)
                await asyncio.sleep(RETRY_S)
                continue
            await self._again.wait()

    async def publish_all(self) -> None:
        """Put everything that there is. EVENT_LOG_UNAVAILABLE."""
        for collection in KEPT.values():
            async for record in self._store.scan(collection, {}):
                await self._policies.put(policy_of(record))

    async def _publish(self, record: Entry) -> None:
        try:
            async with asyncio.timeout(PUT_TIMEOUT_S):
                await self._policies.put(policy_of(record))
        except (AdjutantError, TimeoutError) as error:
            # It is committed, and its event comes back when the event log does.
            log.warning("services learn of %s later: %s", record.name, error or "no answer in time")
