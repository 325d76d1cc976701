"""ApprovalService over the wire."""

from typing import Any

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from adjutant.orchestrator.v1 import approval_service_pb2_grpc
from services.orchestrator.approvals.approvals import Approvals
from services.orchestrator.approvals.statistics import ApprovalStatistics
from services.orchestrator.approvals.wire import approval


class ApprovalService(approval_service_pb2_grpc.ApprovalServiceServicer):
    """See the contract."""

    def __init__(self, approvals: Approvals, statistics: ApprovalStatistics) -> None:
        self._approvals = approvals
        self._statistics = statistics

    async def RequestApproval(
        self, request: pb.RequestApprovalRequest, _: Any
    ) -> pb.RequestApprovalResponse:
        """See the contract."""
        record = await self._approvals.request(request)
        return pb.RequestApprovalResponse(approval=approval(record))

    async def ListApprovals(
        self, request: pb.ListApprovalsRequest, _: Any
    ) -> pb.ListApprovalsResponse:
        """See the contract."""
        page = await self._approvals.page(request)
        return pb.ListApprovalsResponse(
            approvals=[approval(record) for record in page.records],
            next_page_token=page.next_page_token,
        )

    async def GetApproval(self, request: pb.GetApprovalRequest, _: Any) -> pb.GetApprovalResponse:
        """See the contract."""
        record = await self._approvals.get(request.name)
        return pb.GetApprovalResponse(approval=approval(record))

    async def DecideApproval(
        self, request: pb.DecideApprovalRequest, _: Any
    ) -> pb.DecideApprovalResponse:
        """See the contract."""
        record = await self._approvals.decide(request)
        return pb.DecideApprovalResponse(approval=approval(record))

    async def BatchDecideApprovals(
        self, request: pb.BatchDecideApprovalsRequest, _: Any
    ) -> pb.BatchDecideApprovalsResponse:
        """See the contract."""
        results = [await self._approvals.decide_one(one) for one in request.requests]
        return pb.BatchDecideApprovalsResponse(results=results)

    async def GetApprovalStatistics(
        self, request: pb.GetApprovalStatisticsRequest, _: Any
    ) -> pb.GetApprovalStatisticsResponse:
        """See the contract."""
        since = request.since_time if request.HasField("since_time") else None
        return pb.GetApprovalStatisticsResponse(
            statistics=await self._statistics.of(request.parent, since)
        )
