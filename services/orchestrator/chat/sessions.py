"""What callers do with sessions, and who may.

A session is its user's. Who may manage the project sees it too and may remove it; to anybody else
it does not exist.
"""

from typing import Final

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import chat_events_pb2, event_pb2
from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from services.mesh.access.authorizer import denied
from services.mesh.access.caller import actor
from services.mesh.access.rights import Rights
from services.mesh.errors import AdjutantError, not_found
from services.mesh.names import child, new_id, parent_of
from services.mesh.store import Page, Store, now
from services.orchestrator.chat.session import SESSIONS, Events, SessionRecord, announce_change
from services.orchestrator.requests import check_etag, request_key
from services.orchestrator.tenancy.kinds import stands

PATHS: Final = ("display_name", "agent")
"""What an update mask may name."""
EVERYBODY: Final = "-"
_MANAGE: Final = access_pb2.PERMISSION_HIERARCHY_MANAGE


class Sessions:
    """The sessions of users."""

    def __init__(self, store: Store, rights: Rights) -> None:
        self._store = store
        self._rights = rights

    async def create(self, request: pb.CreateSessionRequest) -> SessionRecord:
        """Make a session of the caller. REQUEST_ID_REUSED, NOT_FOUND."""
        time, user = now(), actor()
        record = SessionRecord(
            name=child(request.parent, "sessions", new_id()),
            create_time=time,
            update_time=time,
            display_name=request.session.display_name,
            agent=request.session.agent,
            user=user,
        )
        key = request_key(f"{request.parent} {user}", request)  # nobody gets another's answer
        inserted = await self._store.insert(
            SESSIONS,
            record,
            events=announce_change(record.name, "CREATED"),
            request=key,
            guard=stands(request.parent),
        )
        return inserted.record

    async def seen(self, name: str) -> SessionRecord:
        """Return a session that the caller may see. NOT_FOUND."""
        record = await self._store.find(SESSIONS, name)
        if record is None or not (record.user == actor() or self._manages(parent_of(name))):
            raise not_found("session", name)
        return record

    async def own(self, name: str) -> SessionRecord:
        """Return a session that is the caller's. NOT_FOUND, or PERMISSION_DENIED to a manager."""
        record = await self.seen(name)
        if record.user != actor():
            raise denied()
        return record

    async def page(self, request: pb.ListSessionsRequest) -> Page[SessionRecord]:
        """Return a page of sessions. PERMISSION_DENIED, INVALID_FILTER, INVALID_PAGE_TOKEN."""
        user = request.user or actor()
        if user != actor() and not self._manages(request.parent):
            raise denied()
        return await self._store.page(
            SESSIONS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            where={} if user == EVERYBODY else {"user": user},
        )

    async def update(self, request: pb.UpdateSessionRequest) -> SessionRecord:
        """Rename a session, or change its agent. What `own` raises, and CONCURRENT_CHANGE."""
        asked, paths = request.session, _paths(request)
        await self.own(request.name)

        def change(record: SessionRecord) -> Events | None:
            check_etag(record, asked.etag, "session.etag")
            for path in paths:
                setattr(record, path, getattr(asked, path))
            return announce_change(record.name, "UPDATED") if paths else None

        return await self._store.update(SESSIONS, request.name, change)

    async def delete(self, name: str) -> None:
        """Remove a session and what is in it, its user or a manager. NOT_FOUND."""
        await self.seen(name)
        # What is written into it from now on meets its guard; what was, is removed here, or where
        # this ends half-way by whoever hears of the event.
        await self._store.delete(SESSIONS, name, events=announce_change(name, "DELETED"))
        await self._store.purge(name)

    async def on_session_changed(self, event: event_pb2.Event) -> None:
        """Remove what is left in a session that was removed; doing it again finds nothing."""
        if event.session_changed.change == chat_events_pb2.SessionChanged.CHANGE_DELETED:
            await self._store.purge(event.resource)

    def _manages(self, project: str) -> bool:
        return _MANAGE in self._rights.held(project)


def _paths(request: pb.UpdateSessionRequest) -> tuple[str, ...]:
    for path in request.update_mask.paths:
        if path not in PATHS:
            raise AdjutantError(
                "INVALID_REQUEST",
                f"{path!r} is no field that can be changed; use {', '.join(PATHS)}.",
                field="update_mask",
            )
    set_ones = {field.name for field, _ in request.session.ListFields()}
    return tuple(request.update_mask.paths) or tuple(path for path in PATHS if path in set_ones)
