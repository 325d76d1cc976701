"""ClientService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import client_service_pb2 as pb
from adjutant.orchestrator.v1 import client_service_pb2_grpc
from services.orchestrator.rpc import hierarchy
from services.orchestrator.tenancy.client import ClientRecord
from services.orchestrator.tenancy.nodes import Nodes


class ClientService(client_service_pb2_grpc.ClientServiceServicer):
    """See the contract."""

    def __init__(self, nodes: Nodes[ClientRecord]) -> None:
        self._nodes = nodes

    async def CreateClient(
        self, request: pb.CreateClientRequest, _: Any
    ) -> pb.CreateClientResponse:
        """See the contract."""
        record = await self._nodes.create("", request.client_id, request)
        return pb.CreateClientResponse(client=hierarchy.client(record))

    async def GetClient(self, request: pb.GetClientRequest, _: Any) -> pb.GetClientResponse:
        """See the contract."""
        return pb.GetClientResponse(client=hierarchy.client(await self._nodes.get(request.name)))

    async def ListClients(self, request: pb.ListClientsRequest, _: Any) -> pb.ListClientsResponse:
        """See the contract."""
        page = await self._nodes.page("", request)
        return pb.ListClientsResponse(
            clients=[hierarchy.client(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateClient(
        self, request: pb.UpdateClientRequest, _: Any
    ) -> pb.UpdateClientResponse:
        """See the contract."""
        return pb.UpdateClientResponse(client=hierarchy.client(await self._nodes.update(request)))

    async def DeleteClient(
        self, request: pb.DeleteClientRequest, _: Any
    ) -> pb.DeleteClientResponse:
        """See the contract."""
        await self._nodes.delete(request.name)
        return pb.DeleteClientResponse()
