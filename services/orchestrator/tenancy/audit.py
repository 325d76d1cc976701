"""The audit log as it can be listed: entries copied from the stream that only grows."""

import asyncio
import contextlib
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import Field

from adjutant.common.v1 import access_pb2, error_reason_pb2
from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.names import child
from services.mesh.store import Collection, Page, Record, Store, UtcTime, now
from services.orchestrator.tenancy.api_key import API_KEYS, KEY_USES, KeyUseRecord
from services.orchestrator.tenancy.keys import use_name

log = logging.getLogger(__name__)
FORGET_INTERVAL_S: Final = 86400.0
_ID: Final = "[a-z0-9-]{1,63}"
_PLACE: Final = re.compile(rf"(?P<client>clients/{_ID})(?P<project>/projects/{_ID})?(?=/|$)")
_AUTHENTICATION: Final = access_pb2.AUDIT_KIND_AUTHENTICATION


class AuditEntryRecord(Record):
    """A stored entry; it never changes."""

    project: str = ""
    """Name of the project that it is about; empty where it is about none."""
    time: UtcTime
    kind: str
    """Without its prefix."""
    resource: str = ""
    principal: str = ""
    on_behalf_of: str = ""
    credential: str = ""
    method: str = ""
    denial: str = ""
    """Reason, without its prefix; empty where nothing was refused."""
    service: str = ""
    peer: str = ""
    platform: str = ""
    count: int = 1
    first_time: UtcTime | None = None
    trace: str = ""
    details: dict[str, str] = Field(default_factory=dict)
    """Field of the request to what it held."""


AUDIT_ENTRIES: Final = Collection(
    "auditEntries",
    AuditEntryRecord,
    ("kind", "principal", "credential", "method", "service", "resource", "denial", "time"),
    ("project",),
    permanent=True,
)


class Audit:
    """Copies the stream of entries, and lists them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_entry(self, event: event_pb2.Event) -> None:
        """Keep an entry of the stream; one that was kept already stays as it is."""
        record = record_of(event)
        try:
            await self._store.insert(AUDIT_ENTRIES, record)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":
                raise
        if event.audit_recorded.kind == _AUTHENTICATION:
            await self._note_use(record)

    async def page(self, request: Any) -> Page[AuditEntryRecord]:
        """Return a page of a project's, a client's, or all entries."""
        client, _, project = request.parent.partition("/projects/")
        return await self._store.page(
            AUDIT_ENTRIES,
            parent=client or None,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            where={"project": request.parent} if project else {},
        )

    async def forget_forever(self, max_age_s: float) -> None:
        """Remove entries that the stream itself keeps no longer, now and once a day."""
        while True:
            try:
                await self.forget(now() - timedelta(seconds=max_age_s))
            except StoreUnavailableError as error:
                log.warning("old audit entries are removed later: %s", error.message)
            await asyncio.sleep(FORGET_INTERVAL_S)

    async def forget(self, before: datetime) -> None:
        """Remove the entries of before a moment."""
        async for entry in self._store.scan(AUDIT_ENTRIES, {}):
            if entry.create_time >= before:
                return  # the oldest come first
            with contextlib.suppress(AdjutantError):  # another replica was faster
                await self._store.delete(AUDIT_ENTRIES, entry.name)

    async def _note_use(self, entry: AuditEntryRecord) -> None:
        """Note when an API key was used; a use that is known to be later stays."""
        if "/apiKeys/" not in entry.credential:
            return
        if await self._store.find(API_KEYS, entry.credential) is None:
            return
        name, time = use_name(entry.credential), entry.time
        use = KeyUseRecord(name=name, create_time=time, update_time=time, last_used_time=time)
        try:
            await self._store.insert(KEY_USES, use)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":
                raise
            await self._store.update(KEY_USES, name, lambda known: _use_at(known, entry))


def _use_at(known: KeyUseRecord, entry: AuditEntryRecord) -> list[event_pb2.Event] | None:
    if known.last_used_time >= entry.time:
        return None
    known.last_used_time = entry.time
    return []


def record_of(event: event_pb2.Event) -> AuditEntryRecord:
    """Return an entry of the stream as it is kept: under its client, where it has one."""
    entry, time = event.audit_recorded, event.time.ToDatetime(UTC)
    client, project = _place(event.resource)
    denial = error_reason_pb2.ErrorReason.Name(entry.denial).removeprefix("ERROR_REASON_")
    return AuditEntryRecord(
        name=child(client, "auditEntries", event.event_id.lower()),
        create_time=time,
        update_time=time,
        project=project,
        time=time,
        kind=access_pb2.AuditKind.Name(entry.kind).removeprefix("AUDIT_KIND_"),
        resource=event.resource,
        principal=entry.principal,
        on_behalf_of=entry.on_behalf_of,
        credential=entry.credential,
        method=entry.method,
        denial="" if denial == "UNSPECIFIED" else denial,
        service=entry.service,
        peer=entry.peer,
        platform=entry.platform,
        count=max(entry.count, 1),
        first_time=entry.first_time.ToDatetime(UTC) if entry.HasField("first_time") else None,
        trace=entry.trace,
        details={detail.field: detail.value for detail in entry.details},
    )


def _place(resource: str) -> tuple[str, str]:
    """Return the names of the client and the project that a resource is in; empty for none.

    A call that was refused may have named anything.
    """
    found = _PLACE.match(resource)
    if not found:
        return "", ""
    return found["client"], found[0] if found["project"] else ""
