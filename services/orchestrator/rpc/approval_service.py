"""ApprovalService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from adjutant.orchestrator.v1 import approval_service_pb2_grpc
from services.orchestrator import convert
from services.orchestrator.approvals import Approvals


class ApprovalService(approval_service_pb2_grpc.ApprovalServiceServicer):
    """See the contract."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    async def ListApprovals(
        self, request: pb.ListApprovalsRequest, _: Any
    ) -> pb.ListApprovalsResponse:
        """See the contract."""
        page = await self._approvals.page(request)
        return pb.ListApprovalsResponse(
            approvals=[convert.approval(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def GetApproval(self, request: pb.GetApprovalRequest, _: Any) -> pb.GetApprovalResponse:
        """See the contract."""
        approval = await self._approvals.get(request.name)
        return pb.GetApprovalResponse(approval=convert.approval(approval))

    async def DecideApproval(
        self, request: pb.DecideApprovalRequest, _: Any
    ) -> pb.DecideApprovalResponse:
        """See the contract."""
        approval = await self._approvals.decide(request)
        return pb.DecideApprovalResponse(approval=convert.approval(approval))
