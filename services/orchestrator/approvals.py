"""What callers do with approvals."""

from adjutant.orchestrator.v1 import approval_service_pb2
from services.mesh.access.caller import actor
from services.mesh.store import Page, Store
from services.orchestrator import approval as approvals
from services.orchestrator.approval import APPROVALS, ApprovalRecord

ANSWERS = {
    approval_service_pb2.DecideApprovalRequest.DECISION_APPROVE: "APPROVED",
    approval_service_pb2.DecideApprovalRequest.DECISION_DENY: "DENIED",
}


class Approvals:
    """Lists approvals and takes answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, name: str) -> ApprovalRecord:
        """Return an approval. NOT_FOUND."""
        return await self._store.get(APPROVALS, name)

    async def page(
        self, request: approval_service_pb2.ListApprovalsRequest
    ) -> Page[ApprovalRecord]:
        """Return a page of approvals. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            APPROVALS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def decide(self, request: approval_service_pb2.DecideApprovalRequest) -> ApprovalRecord:
        """Take an answer; the event of it wakes the task. APPROVAL_DECIDED, ACTION_CHANGED."""
        state, decider = ANSWERS[request.decision], actor()
        return await self._store.update(
            APPROVALS,
            request.name,
            lambda approval: approvals.decide(
                approval, state, request.reason, request.action_digest, decider
            ),
        )
