"""Answers that only graphs of other approvals ask for: plans and their edits."""

from datetime import UTC, datetime

import pytest

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.orchestrator.approvals.action import PlanActionRecord, PlannedStepRecord, digest
from services.orchestrator.approvals.approval import ApprovalRecord
from services.orchestrator.approvals.decision import decide

APPROVE = pb.DecideApprovalRequest.DECISION_APPROVE


def asked() -> ApprovalRecord:
    action = PlanActionRecord(
        steps=[
            PlannedStepRecord(number=1, title="one"),
            PlannedStepRecord(number=2, title="two", after=[1]),
            PlannedStepRecord(number=3, title="three"),
        ],
        complexity="MEDIUM",
        plan_digest="d",
    )
    return ApprovalRecord(
        name="clients/a/projects/b/approvals/x",
        create_time=datetime.now(UTC),
        update_time=datetime.now(UTC),
        title="Go by the plan",
        kind="PLAN",
        action=action,
        action_digest=digest(action),
    )


def edited(*omitted: int) -> pb.DecideApprovalRequest:
    edit = pb.PlanEdit(omitted_steps=omitted)
    return pb.DecideApprovalRequest(decision=APPROVE, edited_plan=edit)


def test_steps_can_be_left_out_with_what_comes_after_them() -> None:
    approval = asked()
    decide(approval, edited(1, 2), "users/ada")
    assert isinstance(approval.action, PlanActionRecord)
    assert [step.number for step in approval.action.steps] == [3]
    assert approval.state == "APPROVED"
    assert approval.action_digest == digest(approval.action) != approval.requested_digest


@pytest.mark.parametrize(
    ("omitted", "says"), [((1,), "Step 2"), ((9,), "no step 9"), ((1, 2, 3), "deny")]
)
def test_what_makes_no_sense_is_refused(omitted: tuple[int, ...], says: str) -> None:
    approval = asked()
    with pytest.raises(AdjutantError, match=says) as refused:
        decide(approval, edited(*omitted), "users/ada")
    assert refused.value.reason == "INVALID_EDIT"
    assert approval.state == "PENDING"
    assert approval.history == []
