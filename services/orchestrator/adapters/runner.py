"""The agent runner, as the orchestrator sees it."""

from typing import Final

import grpc
from google.rpc import error_details_pb2, status_pb2

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from services.mesh.channel import open_channel
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity.authenticator import ON_BEHALF_OF_HEADER
from services.mesh.names import collection_and_id, parent_of

_REFUSALS: Final = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.ALREADY_EXISTS)
_PASSING: Final = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
)


class RunnerUnavailableError(ConnectionError):
    """The agent runner does not answer just now; the same call may succeed later."""


class Runner:
    """Starts, reads and cancels runs over gRPC."""

    def __init__(self, address: str, settings: MeshSettings) -> None:
        self._channel = open_channel(address, settings)
        self._runs = run_service_pb2_grpc.RunServiceStub(self._channel)

    async def start(self, name: str, spec: run_pb2.RunSpec, on_behalf_of: str) -> None:
        """Start a run under a name that was chosen before; a repeat changes nothing.

        `on_behalf_of` is the principal whose work it is; empty where that is not known.
        RunnerUnavailableError; AdjutantError where the run is refused.
        """
        request = run_service_pb2.StartRunRequest(
            parent=parent_of(name), run_id=collection_and_id(name)[1], spec=spec
        )
        metadata = ((ON_BEHALF_OF_HEADER, on_behalf_of),) if on_behalf_of else ()
        try:
            await self._runs.StartRun(request, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise _translate(error) from error

    async def get(self, name: str) -> run_pb2.Run | None:
        """Return a run, or None where there is none. RunnerUnavailableError."""
        try:
            response = await self._runs.GetRun(run_service_pb2.GetRunRequest(name=name))
        except grpc.aio.AioRpcError as error:
            _raise_unless_missing(error)
            return None
        return response.run

    async def cancel(self, name: str) -> run_pb2.Run:
        """Ask a run to end and return it. RunnerUnavailableError.

        One that was never started is recorded as CANCELLED, so that a call to start it which
        is still on its way finds it ended.
        """
        request = run_service_pb2.CancelRunRequest(name=name, allow_missing=True)
        try:
            response = await self._runs.CancelRun(request)
        except grpc.aio.AioRpcError as error:
            raise _translate(error) from error
        return response.run

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()


def _raise_unless_missing(error: grpc.aio.AioRpcError) -> None:
    if error.code() != grpc.StatusCode.NOT_FOUND:
        raise _translate(error) from error


def _translate(error: grpc.aio.AioRpcError) -> Exception:
    text = f"{error.code().name}: {error.details()}"
    if error.code() in _REFUSALS:
        return AdjutantError(_reason(error), error.details() or "the agent runner refused the run")
    if error.code() in _PASSING:
        return RunnerUnavailableError(text)
    return RuntimeError(f"the agent runner failed: {text}")


def _reason(error: grpc.aio.AioRpcError) -> str:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value if isinstance(value, bytes) else b"")
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return str(info.reason)
    return "INVALID_REQUEST"
