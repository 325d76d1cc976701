"""TraceService over the wire."""

from collections.abc import AsyncIterator
from typing import Any

from adjutant.orchestrator.v1 import trace_pb2, trace_service_pb2_grpc
from adjutant.orchestrator.v1 import trace_service_pb2 as pb
from services.orchestrator.traces import convert
from services.orchestrator.traces.trace import TraceRecord
from services.orchestrator.traces.traces import Traces


class TraceService(trace_service_pb2_grpc.TraceServiceServicer):
    """See the contract."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    async def ListTraces(self, request: pb.ListTracesRequest, _: Any) -> pb.ListTracesResponse:
        """See the contract."""
        page = await self._traces.page(request)
        return pb.ListTracesResponse(
            traces=await self._messages(page.records), next_page_token=page.next_page_token
        )

    async def GetTrace(self, request: pb.GetTraceRequest, _: Any) -> pb.GetTraceResponse:
        """See the contract."""
        record = await self._traces.get(request.name)
        return pb.GetTraceResponse(trace=(await self._messages([record]))[0])

    async def RefreshTrace(
        self, request: pb.RefreshTraceRequest, _: Any
    ) -> pb.RefreshTraceResponse:
        """See the contract."""
        record = await self._traces.refresh(request.name)
        return pb.RefreshTraceResponse(trace=(await self._messages([record]))[0])

    async def ListTraceCalls(
        self, request: pb.ListTraceCallsRequest, _: Any
    ) -> pb.ListTraceCallsResponse:
        """See the contract."""
        page = await self._traces.page_of_calls(request)
        return pb.ListTraceCallsResponse(
            calls=[convert.call(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def GetTraceCall(
        self, request: pb.GetTraceCallRequest, _: Any
    ) -> pb.GetTraceCallResponse:
        """See the contract."""
        return pb.GetTraceCallResponse(call=convert.call(await self._traces.call(request.name)))

    async def ReadTraces(
        self, request: pb.ReadTracesRequest, _: Any
    ) -> AsyncIterator[pb.ReadTracesResponse]:
        """See the contract."""
        async for data in self._traces.read(request.parent):
            yield pb.ReadTracesResponse(data=data)

    async def _messages(self, records: list[TraceRecord]) -> list[trace_pb2.Trace]:
        calls = await self._traces.calls(records)
        return [convert.trace(record, calls[record.name]) for record in records]
