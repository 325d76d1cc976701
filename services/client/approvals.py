"""Approvals: what waits for a person, and the answers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.common import v1 as common
from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    import datetime
    from collections.abc import AsyncGenerator, Mapping, Sequence

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ApprovalService/"
_LIST = Method(_SERVICE, _PATH + "ListApprovals", v1.ListApprovalsRequest, v1.ListApprovalsResponse)
_GET = Method(_SERVICE, _PATH + "GetApproval", v1.GetApprovalRequest, v1.GetApprovalResponse)
_DECIDE = Method(
    _SERVICE, _PATH + "DecideApproval", v1.DecideApprovalRequest, v1.DecideApprovalResponse
)
_BATCH = Method(
    _SERVICE,
    _PATH + "BatchDecideApprovals",
    v1.BatchDecideApprovalsRequest,
    v1.BatchDecideApprovalsResponse,
)
_REQUEST = Method(
    _SERVICE, _PATH + "RequestApproval", v1.RequestApprovalRequest, v1.RequestApprovalResponse
)
_STATISTICS = Method(
    _SERVICE,
    _PATH + "GetApprovalStatistics",
    v1.GetApprovalStatisticsRequest,
    v1.GetApprovalStatisticsResponse,
)
APPROVE: Final = v1.DecideApprovalRequestDecision.APPROVE
DENY: Final = v1.DecideApprovalRequestDecision.DENY
CHOOSE: Final = v1.DecideApprovalRequestDecision.CHOOSE


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

    async def request(
        self,
        tool_name: str,
        arguments: Mapping[str, str] | None = None,
        *,
        summary: str = "",
        risk: common.Risk = common.Risk.UNSPECIFIED,
        task: str = "",
        run: str = "",
        request_id: str = "",
    ) -> v1.Approval:
        """Ask whether a tool may be used, and return at once; `get` tells what the answer was.

        `risk` is what you take it for; it can make it more than the mesh does, and never less.
        """
        given = [v1.ToolArgument(name=k, value=v) for k, v in (arguments or {}).items()]
        request = v1.RequestApprovalRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            tool=v1.ToolAction(tool_name=tool_name, summary=summary, arguments=given),
            risk=risk,
            task=task,
            run=run,
        )
        return present((await self._transport.unary(_REQUEST, request)).approval)

    async def approve(
        self,
        name: str,
        *,
        digest: str = "",
        reason: str = "",
        edit: v1.CommitEdit | v1.PlanEdit | v1.ToolEdit | None = None,
    ) -> v1.Approval:
        """Say yes. `digest` is that of the action which was looked at; another one is refused.

        `edit` changes the action; what is edited is what is done.
        """
        return await self.decide(answer(name, APPROVE, digest=digest, reason=reason, edit=edit))

    async def deny(self, name: str, *, digest: str = "", reason: str = "") -> v1.Approval:
        """Say no; the task fails with the reason given."""
        return await self.decide(answer(name, DENY, digest=digest, reason=reason))

    async def choose(
        self,
        name: str,
        choice_id: str,
        *,
        digest: str = "",
        reason: str = "",
        edit: v1.CommitEdit | None = None,
    ) -> v1.Approval:
        """Take one of the choices of an escalation."""
        request = answer(name, CHOOSE, digest=digest, reason=reason, edit=edit)
        request.choice_id = choice_id
        return await self.decide(request)

    async def decide(self, request: v1.DecideApprovalRequest) -> v1.Approval:
        """Give an answer."""
        return present((await self._transport.unary(_DECIDE, request)).approval)

    async def decide_many(
        self, requests: Sequence[v1.DecideApprovalRequest]
    ) -> Sequence[v1.DecisionResult]:
        """Give up to 100 answers; each has an outcome of its own, in their order."""
        batch = v1.BatchDecideApprovalsRequest(parent=self._parent, requests=list(requests))
        return (await self._transport.unary(_BATCH, batch)).results

    async def statistics(self, since: datetime.datetime | None = None) -> v1.ApprovalStatistics:
        """Return how approvals ended since then; the last 30 days unless given."""
        request = v1.GetApprovalStatisticsRequest(parent=self._parent, since_time=since)
        return present((await self._transport.unary(_STATISTICS, request)).statistics)


def answer(
    name: str,
    decision: v1.DecideApprovalRequestDecision,
    *,
    digest: str = "",
    reason: str = "",
    edit: v1.CommitEdit | v1.PlanEdit | v1.ToolEdit | None = None,
) -> v1.DecideApprovalRequest:
    """Return an answer to give, by itself or with others."""
    return v1.DecideApprovalRequest(
        name=name,
        decision=decision,
        action_digest=digest,
        reason=reason,
        edited_commit=edit if isinstance(edit, v1.CommitEdit) else None,
        edited_plan=edit if isinstance(edit, v1.PlanEdit) else None,
        edited_tool=edit if isinstance(edit, v1.ToolEdit) else None,
    )
