"""MemberService over the wire."""

from typing import Any

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import member_service_pb2 as pb
from adjutant.orchestrator.v1 import member_service_pb2_grpc
from services.orchestrator.rpc import hierarchy
from services.orchestrator.tenancy.members import Members


class MemberService(member_service_pb2_grpc.MemberServiceServicer):
    """See the contract."""

    def __init__(self, members: Members) -> None:
        self._members = members

    async def ListMembers(self, request: pb.ListMembersRequest, _: Any) -> pb.ListMembersResponse:
        """See the contract."""
        members, token = await self._members.page(request)
        return pb.ListMembersResponse(
            members=[hierarchy.member(member) for member in members], next_page_token=token
        )

    async def SetMember(self, request: pb.SetMemberRequest, _: Any) -> pb.SetMemberResponse:
        """See the contract."""
        role = access_pb2.Role.Name(request.role).removeprefix("ROLE_")
        member = await self._members.set(request.parent, request.principal, role)
        return pb.SetMemberResponse(member=hierarchy.member(member))

    async def RemoveMember(
        self, request: pb.RemoveMemberRequest, _: Any
    ) -> pb.RemoveMemberResponse:
        """See the contract."""
        await self._members.remove(request.parent, request.principal)
        return pb.RemoveMemberResponse()
