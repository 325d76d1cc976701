"""Approvals: what waits for a person, and the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ApprovalService/"
_LIST = Method(_SERVICE, _PATH + "ListApprovals", v1.ListApprovalsRequest, v1.ListApprovalsResponse)
_GET = Method(_SERVICE, _PATH + "GetApproval", v1.GetApprovalRequest, v1.GetApprovalResponse)
_DECIDE = Method(
    _SERVICE, _PATH + "DecideApproval", v1.DecideApprovalRequest, v1.DecideApprovalResponse
)


class Approvals:
    """The approvals of a project; `Adjutant.approvals`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def get(self, name: str) -> v1.Approval:
        """Return an approval by its full name."""
        request = v1.GetApprovalRequest(name=name)
        return present((await self._transport.unary(_GET, request)).approval)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Approval, None]:
        """Yield the project's approvals, newest first unless `order_by` says otherwise.

        `filter` is as in `state = "PENDING"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Approval], str]:
            request = v1.ListApprovalsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.approvals, answer.next_page_token

        async for approval in pages(page):
            yield approval

    async def approve(self, name: str, *, digest: str = "", reason: str = "") -> v1.Approval:
        """Say yes. `digest` is that of the action which was looked at; another one is refused."""
        return await self._decide(name, v1.DecideApprovalRequestDecision.APPROVE, digest, reason)

    async def deny(self, name: str, *, digest: str = "", reason: str = "") -> v1.Approval:
        """Say no; the task fails with the reason given."""
        return await self._decide(name, v1.DecideApprovalRequestDecision.DENY, digest, reason)

    async def _decide(
        self, name: str, decision: v1.DecideApprovalRequestDecision, digest: str, reason: str
    ) -> v1.Approval:
        request = v1.DecideApprovalRequest(
            name=name, decision=decision, action_digest=digest, reason=reason
        )
        return present((await self._transport.unary(_DECIDE, request)).approval)
