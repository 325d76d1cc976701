"""What clients choose for tasks and projects, in the contract and as it is stored."""

from typing import Final

from adjutant.common.v1 import approval_pb2
from adjutant.orchestrator.v1 import task_pb2

APPROVAL_POLICIES: Final = {
    task_pb2.APPROVAL_POLICY_ASK: "ASK",
    task_pb2.APPROVAL_POLICY_APPROVE: "APPROVE",
}
ESCALATION_POLICIES: Final = {
    approval_pb2.ESCALATION_POLICY_FAIL: "FAIL",
    approval_pb2.ESCALATION_POLICY_ASK: "ASK",
}
"""Both leave out what is unspecified: it is inherited."""
