"""ConnectionService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import connection_service_pb2 as pb
from adjutant.orchestrator.v1 import connection_service_pb2_grpc
from services.orchestrator.tenancy.connections import Connections
from services.orchestrator.tenancy.rewrapping import Rewrapping
from services.orchestrator.tenancy.stored_connection import to_message


class ConnectionService(connection_service_pb2_grpc.ConnectionServiceServicer):
    """See the contract."""

    def __init__(self, connections: Connections, rewrapping: Rewrapping) -> None:
        self._connections = connections
        self._rewrapping = rewrapping

    async def CreateConnection(
        self, request: pb.CreateConnectionRequest, _: Any
    ) -> pb.CreateConnectionResponse:
        """See the contract."""
        record = await self._connections.create(request)
        return pb.CreateConnectionResponse(connection=to_message(record))

    async def GetConnection(
        self, request: pb.GetConnectionRequest, _: Any
    ) -> pb.GetConnectionResponse:
        """See the contract."""
        record = await self._connections.get(request.name)
        return pb.GetConnectionResponse(connection=to_message(record))

    async def ListConnections(
        self, request: pb.ListConnectionsRequest, _: Any
    ) -> pb.ListConnectionsResponse:
        """See the contract."""
        page = await self._connections.page(request)
        return pb.ListConnectionsResponse(
            connections=[to_message(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateConnection(
        self, request: pb.UpdateConnectionRequest, _: Any
    ) -> pb.UpdateConnectionResponse:
        """See the contract."""
        record = await self._connections.update(request)
        return pb.UpdateConnectionResponse(connection=to_message(record))

    async def DeleteConnection(
        self, request: pb.DeleteConnectionRequest, _: Any
    ) -> pb.DeleteConnectionResponse:
        """See the contract."""
        await self._connections.delete(request.name)
        return pb.DeleteConnectionResponse()

    async def UseConnection(
        self, request: pb.UseConnectionRequest, _: Any
    ) -> pb.UseConnectionResponse:
        """See the contract."""
        found = await self._connections.use(request.parent, request.uri)
        return pb.UseConnectionResponse(
            connection=to_message(found.record), username=found.username, secret=found.secret
        )

    async def RewrapSecrets(
        self, request: pb.RewrapSecretsRequest, _: Any
    ) -> pb.RewrapSecretsResponse:
        """See the contract."""
        done = await self._rewrapping.run()
        return pb.RewrapSecretsResponse(
            master_key=done.master_key,
            rewrapped_count=done.count,
            unreadable=done.unreadable,
        )
