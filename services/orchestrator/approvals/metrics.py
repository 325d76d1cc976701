"""What is counted of approvals, for whoever watches the mesh.

As in `services/mesh/metrics.py`, labels are words of the contract: nobody's name is one.
"""

from datetime import timedelta
from typing import Final

from opentelemetry import metrics

from services.orchestrator.approvals.approval import ApprovalRecord

_meter: Final = metrics.get_meter("adjutant")
_requested: Final = _meter.create_counter(
    "adjutant.approvals.requested", unit="{approval}", description="Approvals that were asked for."
)
_resolved: Final = _meter.create_counter(
    "adjutant.approvals.resolved",
    unit="{approval}",
    description="Approvals that were answered, expired or were dismissed.",
)
_response: Final = _meter.create_histogram(
    "adjutant.approvals.response_time", unit="s", description="How long people took to answer."
)


def requested(approval: ApprovalRecord) -> None:
    """Count an approval that was asked for."""
    _requested.add(1, _labels(approval))


def resolved(approval: ApprovalRecord) -> None:
    """Count an approval that waits no more, and how long a person took."""
    outcome = {"outcome": approval.state.lower(), "decided_by": approval.decided_by.lower()}
    _resolved.add(1, {**_labels(approval), **outcome})
    if approval.decided_by == "PERSON":
        _response.record(response_s(approval), _labels(approval))


def response_s(approval: ApprovalRecord) -> float:
    """Return how many seconds the answer took."""
    end = approval.decide_time or approval.update_time
    return (end - approval.create_time) / timedelta(seconds=1)


def _labels(approval: ApprovalRecord) -> dict[str, str]:
    return {"kind": approval.kind.lower(), "risk": approval.risk.lower()}
