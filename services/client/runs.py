"""Runs: agents at work, their output and what they leave behind."""

from __future__ import annotations

import operator
import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.agent_runner import v1
from services.client.names import present
from services.client.paging import pages
from services.client.streams import ReconnectPolicy, event_frames, resumed
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from adjutant_messages.adjutant.common.v1 import Money
    from adjutant_messages.adjutant.event.v1 import EventFrame

PATCH: Final = "changes.patch"
"""The artifact that holds a run's change."""

_SERVICE: Final = "agent_runner"
_PATH: Final = "/adjutant.agent_runner.v1.RunService/"
_START = Method(_SERVICE, _PATH + "StartRun", v1.StartRunRequest, v1.StartRunResponse)
_GET = Method(_SERVICE, _PATH + "GetRun", v1.GetRunRequest, v1.GetRunResponse)
_LIST = Method(_SERVICE, _PATH + "ListRuns", v1.ListRunsRequest, v1.ListRunsResponse)
_CANCEL = Method(_SERVICE, _PATH + "CancelRun", v1.CancelRunRequest, v1.CancelRunResponse)
_WATCH = Method(_SERVICE, _PATH + "WatchRun", v1.WatchRunRequest, v1.WatchRunResponse)
_TAIL = Method(_SERVICE, _PATH + "TailLogs", v1.TailLogsRequest, v1.TailLogsResponse)
_READ = Method(_SERVICE, _PATH + "ReadArtifact", v1.ReadArtifactRequest, v1.ReadArtifactResponse)
_REPORT = Method(_SERVICE, _PATH + "ReportRun", v1.ReportRunRequest, v1.ReportRunResponse)


class Runs:
    """The runs of a project; `Adjutant.runs`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._parent = parent
        self._policy = policy

    async def start(self, spec: v1.RunSpec, *, run_id: str = "", request_id: str = "") -> v1.Run:
        """Start an agent by itself, without a task, and return the accepted run."""
        request = v1.StartRunRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            run_id=run_id,
            spec=spec,
        )
        return present((await self._transport.unary(_START, request)).run)

    async def get(self, name: str) -> v1.Run:
        """Return a run by its full name."""
        return present((await self._transport.unary(_GET, v1.GetRunRequest(name=name))).run)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Run, None]:
        """Yield the project's runs, newest first unless `order_by` says otherwise.

        `filter` is as in `state = "RUNNING"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Run], str]:
            request = v1.ListRunsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.runs, answer.next_page_token

        async for run in pages(page):
            yield run

    async def cancel(self, name: str) -> v1.Run:
        """Ask a run to end; it is CANCELLED when its whole process tree is gone."""
        return present((await self._transport.unary(_CANCEL, v1.CancelRunRequest(name=name))).run)

    async def watch(
        self, name: str, *, cursor: str = "", heartbeats: bool = False
    ) -> AsyncGenerator[EventFrame, None]:
        """Yield what happens to a run; as `Tasks.watch`, and ends after its final state."""

        async def open_at(position: str) -> AsyncIterator[EventFrame]:
            request = v1.WatchRunRequest(name=name, cursor=position)
            async for answer in self._transport.stream(_WATCH, request):
                yield present(answer.frame)

        async for frame in event_frames(
            open_at, cursor, policy=self._policy, endless=False, heartbeats=heartbeats
        ):
            yield frame

    async def logs(
        self, name: str, *, offset_bytes: int = 0, follow: bool = False
    ) -> AsyncGenerator[bytes, None]:
        """Yield what a run printed, in pieces; with `follow`, go on until it has ended."""

        def open_at(position: int) -> AsyncIterator[v1.TailLogsResponse]:
            request = v1.TailLogsRequest(name=name, offset_bytes=position, follow=follow)
            return self._transport.stream(_TAIL, request)

        end = operator.attrgetter("next_offset_bytes")
        async for piece in resumed(open_at, offset_bytes, end, policy=self._policy):
            yield piece.data

    async def artifact(self, name: str, artifact_id: str = PATCH) -> AsyncIterator[bytes]:
        """Yield an artifact of a run, in pieces."""

        def open_at(position: int) -> AsyncIterator[v1.ReadArtifactResponse]:
            request = v1.ReadArtifactRequest(
                name=name, artifact_id=artifact_id, offset_bytes=position
            )
            return self._transport.stream(_READ, request)

        end = operator.attrgetter("next_offset_bytes")
        async for piece in resumed(open_at, 0, end, policy=self._policy):
            yield piece.data

    def result(self, name: str, result: str) -> AsyncIterator[bytes]:
        """Yield the value of a result that a run gave, in pieces."""
        return self.artifact(name, f"result.{result}")

    async def report(
        self,
        name: str,
        token: str,
        *,
        percent: float | None = None,
        message: str = "",
        cost: Money | None = None,
    ) -> bool:
        """Say, as the run's own job, how far it is; True means that the run is being cancelled.

        `percent` is 0 to 100; `cost` is what it has spent since its start. With nothing it is a
        bare heartbeat.
        """
        request = v1.ReportRunRequest(
            name=name, report_token=token, percent=percent, message=message, cost=cost
        )
        return (await self._transport.unary(_REPORT, request)).cancel_requested
