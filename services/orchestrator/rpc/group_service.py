"""GroupService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import group_service_pb2 as pb
from adjutant.orchestrator.v1 import group_service_pb2_grpc
from services.orchestrator.rpc import hierarchy
from services.orchestrator.tenancy.group import GroupRecord
from services.orchestrator.tenancy.nodes import Nodes


class GroupService(group_service_pb2_grpc.GroupServiceServicer):
    """See the contract."""

    def __init__(self, nodes: Nodes[GroupRecord]) -> None:
        self._nodes = nodes

    async def CreateGroup(self, request: pb.CreateGroupRequest, _: Any) -> pb.CreateGroupResponse:
        """See the contract."""
        record = await self._nodes.create(request.parent, request.group_id, request)
        return pb.CreateGroupResponse(group=hierarchy.group(record))

    async def GetGroup(self, request: pb.GetGroupRequest, _: Any) -> pb.GetGroupResponse:
        """See the contract."""
        return pb.GetGroupResponse(group=hierarchy.group(await self._nodes.get(request.name)))

    async def ListGroups(self, request: pb.ListGroupsRequest, _: Any) -> pb.ListGroupsResponse:
        """See the contract."""
        page = await self._nodes.page(request.parent, request)
        return pb.ListGroupsResponse(
            groups=[hierarchy.group(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def UpdateGroup(self, request: pb.UpdateGroupRequest, _: Any) -> pb.UpdateGroupResponse:
        """See the contract."""
        return pb.UpdateGroupResponse(group=hierarchy.group(await self._nodes.update(request)))

    async def DeleteGroup(self, request: pb.DeleteGroupRequest, _: Any) -> pb.DeleteGroupResponse:
        """See the contract."""
        await self._nodes.delete(request.name)
        return pb.DeleteGroupResponse()
