"""Approvals: what waits for a person, and their answer."""

from typing import Final, Literal

from pydantic import Field

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.names import collection_and_id
from services.orchestrator.agents.capabilities.lines import PAGE, listed, quoted, task_called
from services.orchestrator.agents.tool import Arguments, Hand, Tool
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.approvals import Approvals
from services.orchestrator.tasks.tasks import Tasks

_SERVICE: Final = "/adjutant.orchestrator.v1.ApprovalService"


class ListApprovals(Arguments):
    """Those that wait."""


class DecideApproval(Arguments):
    """An answer."""

    approval: str = Field(description="the id, as list_approvals gives it", max_length=300)
    action_digest: str = Field(
        description="the digest, as list_approvals gives it: what the answer is for", min_length=1
    )
    decision: Literal["APPROVE", "DENY"]
    reason: str = Field("", max_length=2000)


def tools(approvals: Approvals, tasks: Tasks) -> tuple[Tool, ...]:
    """Return the tools that work on approvals."""
    return (
        Tool(
            "list_approvals",
            "Lists the approvals of this project that wait for an answer.",
            ListApprovals,
            f"{_SERVICE}/ListApprovals",
            lambda hand, _: _list(approvals, hand),
        ),
        Tool(
            "decide_approval",
            "Answers an approval, as the user wants it answered.",
            DecideApproval,
            f"{_SERVICE}/DecideApproval",
            lambda hand, asked: _decide(approvals, hand, asked),
            lambda hand, asked: _answering(approvals, tasks, hand, asked),
        ),
    )


async def _list(approvals: Approvals, hand: Hand) -> str:
    request = pb.ListApprovalsRequest(
        parent=hand.project, filter='state = "PENDING"', page_size=PAGE
    )
    page = await hand.call(f"{_SERVICE}/ListApprovals", request, approvals.page)
    lines = [_line(approval) for approval in page.records]
    return listed(lines, "pending approval", more=bool(page.next_page_token))


async def _decide(approvals: Approvals, hand: Hand, asked: DecideApproval) -> str:
    request = _request(hand, asked)
    return _line(await hand.call(f"{_SERVICE}/DecideApproval", request, approvals.decide))


async def _answering(approvals: Approvals, tasks: Tasks, hand: Hand, asked: DecideApproval) -> str:
    answer = _request(hand, asked)
    # Looking at it is all that is done: the audit log is to have no decision that is none yet.
    request = pb.GetApprovalRequest(name=answer.name)
    approval = await hand.call(
        f"{_SERVICE}/GetApproval", request, lambda _: approvals.check(answer)
    )
    what = f"{asked.decision.lower()} {quoted(approval.title)}, of risk {approval.risk}"
    whose = f", for {await task_called(tasks, hand, approval.task)}" if approval.task else ""
    why = f", because: {quoted(asked.reason)}" if asked.reason else ""
    return f"{what}{whose}{why}"


def _request(hand: Hand, asked: DecideApproval) -> pb.DecideApprovalRequest:
    return pb.DecideApprovalRequest(
        name=hand.name("approvals", asked.approval),
        decision=f"DECISION_{asked.decision}",
        reason=asked.reason,
        action_digest=asked.action_digest,
    )


def _line(approval: ApprovalRecord) -> str:
    approval_id = collection_and_id(approval.name)[1]
    what = f"{approval.title} (risk {approval.risk}, digest {approval.action_digest})"
    return f"{approval_id}  {approval.state}  {what}"
