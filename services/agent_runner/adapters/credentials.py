"""Credentials from the orchestrator, which keeps the connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import grpc

from adjutant.orchestrator.v1 import connection_service_pb2, connection_service_pb2_grpc
from services.agent_runner.credentials import Credential, needs_credential
from services.agent_runner.errors import INFRASTRUCTURE, WORK, RunFailure
from services.mesh.channel import open_channel
from services.mesh.identity.authenticator import ON_BEHALF_OF_HEADER
from services.mesh.names import parent_of

if TYPE_CHECKING:
    from services.agent_runner.run import RunRecord
    from services.mesh.config import MeshSettings

_FINAL: Final = (grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED)
"""Answers that stay the same however often is asked."""


class OrchestratorCredentials:
    """Asks UseConnection, for whoever wanted the run."""

    def __init__(self, address: str, settings: MeshSettings) -> None:
        self._channel = open_channel(address, settings)
        self._connections = connection_service_pb2_grpc.ConnectionServiceStub(self._channel)

    async def of(self, run: RunRecord) -> Credential | None:
        """Return the credential of a run's repository; see Credentials."""
        uri = run.spec.workspace.repository_uri
        if not needs_credential(uri):
            return None
        request = connection_service_pb2.UseConnectionRequest(parent=parent_of(run.name), uri=uri)
        requester = ((ON_BEHALF_OF_HEADER, run.requester),) if run.requester else ()
        try:
            found = await self._connections.UseConnection(request, metadata=requester)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                return None
            raise _failure(error) from error
        if not found.secret:
            return None
        return Credential(found.connection.name, found.username, found.secret)

    async def close(self) -> None:
        """Let go of the connection."""
        await self._channel.close()


def _failure(error: grpc.aio.AioRpcError) -> RunFailure:
    is_final = error.code() in _FINAL
    why = error.details() or error.code().name
    return RunFailure(
        "REPOSITORY_NOT_FOUND",
        f"the credential of the repository cannot be had: {why}",
        WORK if is_final else INFRASTRUCTURE,
    )
