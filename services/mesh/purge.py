"""Removes for good what was in a client, a group or a project that was removed.

Every service does, by construction: it hears of the removal from the event log, whenever
it is there to hear, and purges its own store.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from adjutant.event.v1 import access_events_pb2, event_pb2
from services.mesh.names import collection_and_id
from services.mesh.store import Store

HOLDERS: Final = ("clients", "groups", "projects")
"""Collections of what holds others."""
Purger = Callable[[str], Awaitable[None]]
"""Removes what a service keeps of a resource outside of its store. What it raises puts the
purge off; it is called again then."""

log = logging.getLogger(__name__)


class Purge:
    """Purges a service's store, after what the service itself does."""

    def __init__(self, store: Store, purgers: Sequence[Purger]) -> None:
        self._store = store
        self._purgers = purgers

    async def on_access_changed(self, event: event_pb2.Event) -> None:
        """Purge what was in something that was removed; doing it again finds nothing."""
        name = event.resource
        if event.access_changed.change != access_events_pb2.AccessChanged.CHANGE_DELETED:
            return
        if collection_and_id(name)[0] not in HOLDERS:
            return
        for purger in self._purgers:
            await purger(name)
        if count := await self._store.purge(name):
            log.info("%d records of %s are removed for good", count, name)
