"""RunService, method by method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adjutant.agent_runner.v1 import run_service_pb2 as pb
from adjutant.agent_runner.v1.run_service_pb2_grpc import RunServiceServicer
from services.agent_runner.rpc.convert import digest_of, report_of, run_of, spec_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from grpc.aio import ServicerContext

    from services.agent_runner.read import Reader
    from services.agent_runner.runs import Runs
    from services.agent_runner.watch import Watcher

    Context = ServicerContext[Any, Any]


class RunService(RunServiceServicer):
    """Serves the contract's RunService; what each method means stands there."""

    def __init__(self, runs: Runs, reader: Reader, watcher: Watcher) -> None:
        self._runs = runs
        self._reader = reader
        self._watcher = watcher

    async def StartRun(self, request: pb.StartRunRequest, context: Context) -> pb.StartRunResponse:
        """Accept a run."""
        run = await self._runs.start(
            request.parent,
            request.run_id,
            request.request_id,
            spec_of(request.spec),
            digest_of(request.spec),
        )
        return pb.StartRunResponse(run=run_of(run))

    async def GetRun(self, request: pb.GetRunRequest, context: Context) -> pb.GetRunResponse:
        """Return a run."""
        return pb.GetRunResponse(run=run_of(await self._runs.get(request.name)))

    async def ListRuns(self, request: pb.ListRunsRequest, context: Context) -> pb.ListRunsResponse:
        """Return a page of runs."""
        page = await self._runs.page(
            request.parent, request.filter, request.order_by, request.page_size, request.page_token
        )
        return pb.ListRunsResponse(
            runs=[run_of(run) for run in page.records], next_page_token=page.next_page_token
        )

    async def CancelRun(
        self, request: pb.CancelRunRequest, context: Context
    ) -> pb.CancelRunResponse:
        """Ask a run to end."""
        run = await self._runs.cancel(request.name, allow_missing=request.allow_missing)
        return pb.CancelRunResponse(run=run_of(run))

    async def WatchRun(
        self, request: pb.WatchRunRequest, context: Context
    ) -> AsyncIterator[pb.WatchRunResponse]:
        """Stream what happens to a run."""
        async for frame in self._watcher.watch(request.name, request.cursor):
            yield pb.WatchRunResponse(frame=frame)

    async def TailLogs(
        self, request: pb.TailLogsRequest, context: Context
    ) -> AsyncIterator[pb.TailLogsResponse]:
        """Stream what a run printed."""
        async for piece in self._reader.tail(request.name, request.offset_bytes, request.follow):
            yield pb.TailLogsResponse(data=piece.data, next_offset_bytes=piece.next_offset_bytes)

    async def ReadArtifact(
        self, request: pb.ReadArtifactRequest, context: Context
    ) -> AsyncIterator[pb.ReadArtifactResponse]:
        """Stream an artifact."""
        pieces = self._reader.artifact(request.name, request.artifact_id, request.offset_bytes)
        async for piece in pieces:
            yield pb.ReadArtifactResponse(
                data=piece.data, next_offset_bytes=piece.next_offset_bytes
            )

    async def ReportRun(
        self, request: pb.ReportRunRequest, context: Context
    ) -> pb.ReportRunResponse:
        """Take what a job says of itself."""
        report = report_of(request)
        cancelled = await self._runs.report(request.name, request.report_token, report)
        return pb.ReportRunResponse(cancel_requested=cancelled)
