"""Finds stored calls: by id, and by the days of a client or a project."""

from collections.abc import AsyncIterator
from datetime import datetime

from services.mesh.access.scope import client_of
from services.mesh.names import NO_PROJECT, project_of
from services.mesh.store import Store
from services.orchestrator.usage.call import CALLS, CallRecord, day_key
from services.orchestrator.usage.period import day_text, days


async def find_call(store: Store, call_id: str) -> CallRecord | None:
    """Return a call by its id, or None."""
    async for call in store.scan(CALLS, {"call_id": (call_id,)}):
        return call
    return None


async def calls_of(
    store: Store, parent: str, first: datetime, last: datetime
) -> AsyncIterator[CallRecord]:
    """Yield the calls of a client or a project, from the day of one moment to that of another."""
    _, project = project_of(parent)
    for each in days(first, last):
        day = day_text(each)  # one day at a time: each is in order in an index
        where = {"parent": (parent,), "day": (day,)}
        if project == NO_PROJECT:
            where = {"client_day": (day_key(client_of(parent), day),)}
        async for call in store.scan(CALLS, where):
            yield call
