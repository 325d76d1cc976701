"""Traces: what models and tools were asked, and what they answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.TraceService/"
_LIST = Method(_SERVICE, _PATH + "ListTraces", v1.ListTracesRequest, v1.ListTracesResponse)
_GET = Method(_SERVICE, _PATH + "GetTrace", v1.GetTraceRequest, v1.GetTraceResponse)
_REFRESH = Method(_SERVICE, _PATH + "RefreshTrace", v1.RefreshTraceRequest, v1.RefreshTraceResponse)
_LIST_CALLS = Method(
    _SERVICE, _PATH + "ListTraceCalls", v1.ListTraceCallsRequest, v1.ListTraceCallsResponse
)
_GET_CALL = Method(
    _SERVICE, _PATH + "GetTraceCall", v1.GetTraceCallRequest, v1.GetTraceCallResponse
)
_READ = Method(_SERVICE, _PATH + "ReadTraces", v1.ReadTracesRequest, v1.ReadTracesResponse)


class Traces:
    """The traces of a project; `Adjutant.traces`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def list(
        self,
        parent: str = "",
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Trace, None]:
        """Yield the traces of a task, session, message or response, by its full name.

        An empty `parent` is the project. Newest first unless `order_by` says otherwise.
        """

        async def page(token: str) -> tuple[list[v1.Trace], str]:
            request = v1.ListTracesRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.traces, answer.next_page_token

        async for trace in pages(page):
            yield trace

    async def get(self, name: str) -> v1.Trace:
        """Return a trace by its full name, from MLflow where that alone has it."""
        request = v1.GetTraceRequest(name=name)
        return present((await self._transport.unary(_GET, request)).trace)

    async def refresh(self, name: str) -> v1.Trace:
        """Fetch what MLflow has of a trace, and return it."""
        request = v1.RefreshTraceRequest(name=name)
        return present((await self._transport.unary(_REFRESH, request)).trace)

    async def calls(
        self,
        trace: str,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.TraceCall, None]:
        """Yield the calls of a trace with excerpts of their texts, the first one first."""

        async def page(token: str) -> tuple[list[v1.TraceCall], str]:
            request = v1.ListTraceCallsRequest(
                parent=trace,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST_CALLS, request)
            return answer.calls, answer.next_page_token

        async for call in pages(page):
            yield call

    async def call(self, name: str) -> v1.TraceCall:
        """Return a call by its full name, with its texts."""
        request = v1.GetTraceCallRequest(name=name)
        return present((await self._transport.unary(_GET_CALL, request)).call)

    async def export(self, parent: str = "") -> AsyncIterator[bytes]:
        """Yield traces as JSON lines that MLflow's `Trace.from_json` reads, in pieces.

        `parent` is as in `list`.
        """
        request = v1.ReadTracesRequest(parent=parent or self._parent)
        async for piece in self._transport.stream(_READ, request):
            yield piece.data
