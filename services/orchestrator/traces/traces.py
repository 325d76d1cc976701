"""What callers see of traces."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import chat_events_pb2, event_pb2
from adjutant.orchestrator.v1 import trace_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.access.rights import Rights
from services.mesh.errors import AdjutantError, not_found
from services.mesh.names import collection_and_id, parent_of
from services.mesh.store import Page, Store, now
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.traces.document import document
from services.orchestrator.traces.mlflow import Fetcher
from services.orchestrator.traces.trace import (
    PROJECT,
    TRACE_CALLS,
    TRACES,
    TraceCallRecord,
    TraceRecord,
    calls_of,
    whole,
    with_body,
)

_MAX_TRACES: Final = 100
_PIECE_BYTES: Final = 64 * 1024
_MANAGE: Final = access_pb2.PERMISSION_HIERARCHY_MANAGE
_FIELDS: Final = {
    "tasks": "task",
    "sessions": "session",
    "messages": "message",
    "responses": "response",
}
"""What a trace can be listed by, to its field."""


class Traces:
    """The traces of projects."""

    def __init__(self, store: Store, rights: Rights, fetcher: Fetcher | None) -> None:
        """Take what fetches traces from MLflow; None where that is not configured."""
        self._store = store
        self._rights = rights
        self._fetcher = fetcher

    async def get(self, name: str) -> TraceRecord:
        """Return a trace, fetched from MLflow where it is not here. NOT_FOUND."""
        trace = await self._store.find(TRACES, name)
        if trace is None and self._fetcher:
            trace = await self._fetch(name, self._fetcher)
        return await self._seen(trace, name)

    async def refresh(self, name: str) -> TraceRecord:
        """Return a trace as MLflow has it now. NOT_FOUND, MLFLOW_NOT_CONFIGURED."""
        if self._fetcher is None:
            raise AdjutantError(
                "MLFLOW_NOT_CONFIGURED",
                "Traces are kept here alone; set ADJUTANT_MLFLOW_TRACKING_URI to use MLflow too.",
            )
        known = await self._store.find(TRACES, name)
        if known is not None:
            await self._seen(known, name)
        return await self._seen(await self._fetch(name, self._fetcher), name)

    async def page(self, request: pb.ListTracesRequest) -> Page[TraceRecord]:
        """Return a page of traces. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._page(
            request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=min(request.page_size or 50, _MAX_TRACES),
            page_token=request.page_token,
        )

    async def calls(self, traces: list[TraceRecord]) -> dict[str, list[TraceCallRecord]]:
        """Return the calls of traces, by the trace's name."""
        found: dict[str, list[TraceCallRecord]] = {trace.name: [] for trace in traces}
        for call in await calls_of(self._store, found):
            found[parent_of(call.name)].append(call)
        return found

    async def page_of_calls(self, request: pb.ListTraceCallsRequest) -> Page[TraceCallRecord]:
        """Return a page of a trace's calls. NOT_FOUND, INVALID_FILTER, INVALID_PAGE_TOKEN."""
        await self.get(request.parent)
        return await self._store.page(
            TRACE_CALLS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by or "start_time asc",
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def call(self, name: str) -> TraceCallRecord:
        """Return a call with its texts. NOT_FOUND."""
        await self.get(parent_of(name))
        call = await self._store.find(TRACE_CALLS, name)
        if call is None:
            raise not_found("call", name)
        return await with_body(self._store, call)

    async def read(self, parent: str) -> AsyncIterator[bytes]:
        """Yield traces in MLflow's form, one JSON object a line, in pieces of 64 KiB at most."""
        token = ""
        while True:
            page = await self._page(
                parent, order_by="create_time asc", page_size=_MAX_TRACES, page_token=token
            )
            for trace in page.records:
                found = document(await whole(self._store, trace))
                line = json.dumps(found, ensure_ascii=False).encode() + b"\n"
                for at in range(0, len(line), _PIECE_BYTES):
                    yield line[at : at + _PIECE_BYTES]
            if not (token := page.next_page_token):
                return

    async def _fetch(self, name: str, fetcher: Fetcher) -> TraceRecord:
        found = await fetcher.fetch(name)
        # What the caller may not see is not kept for them either.
        await self._seen(found.trace, name)
        return await fetcher.keep(found)

    async def _page(self, parent: str, **query: Any) -> Page[TraceRecord]:
        parent = await self._answer_of(parent)
        collection, _ = collection_and_id(parent)
        project = "/".join(parent.split("/")[:4])
        where = {_FIELDS[collection]: parent} if collection in _FIELDS else {}
        if not self._manages(project):
            where["audience"] = PROJECT if collection == "tasks" else actor()
        return await self._store.page(TRACES, parent=project, where=where, **query)

    async def _answer_of(self, parent: str) -> str:
        """Return the response that a message belongs to, as its question or its answer."""
        if collection_and_id(parent)[0] != "messages":
            return parent
        message = await self._store.find(CHAT_MESSAGES, parent)
        return message.response if message and message.response else parent

    async def _seen(self, trace: TraceRecord | None, name: str) -> TraceRecord:
        """Return a trace that the caller may see, of a session that is there still. NOT_FOUND."""
        if trace is None or not self._may_see(trace):
            raise not_found("trace", name)
        if trace.session and await self._store.find(SESSIONS, trace.session) is None:
            raise not_found("trace", name)
        return trace

    def _may_see(self, trace: TraceRecord) -> bool:
        return trace.audience in (PROJECT, actor()) or self._manages(trace.project)

    def _manages(self, project: str) -> bool:
        return _MANAGE in self._rights.held(project)


class Forgetting:
    """Removes traces whose time is over, or whose session is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_session_changed(self, event: event_pb2.Event) -> None:
        """Remove the traces of a session that was removed; doing it again finds nothing."""
        if event.session_changed.change != chat_events_pb2.SessionChanged.CHANGE_DELETED:
            return
        async for trace in self._store.scan(TRACES, {"session": [event.resource]}):
            await self._remove(trace)

    async def see_to(self, seen: TraceRecord) -> None:
        """Remove a trace with all of its calls, unless more came."""
        trace = await self._store.find(TRACES, seen.name)
        if trace is None or trace.expire_time > now():
            return
        await self._remove(trace)

    async def _remove(self, trace: TraceRecord) -> None:
        # First what is in it: a crash in between has it done once more.
        await self._store.purge(trace.name)
        try:
            await self._store.delete(TRACES, trace.name)
        except AdjutantError as error:  # another replica was faster
            if error.reason != "NOT_FOUND":
                raise
