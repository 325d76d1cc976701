"""What becomes of approvals that nobody answers: people are warned, and then they expire."""

from adjutant.event.v1 import approval_events_pb2, event_pb2
from services.mesh.events import new_event
from services.mesh.store import Store, now
from services.orchestrator import convert
from services.orchestrator.approvals import metrics as approval_metrics
from services.orchestrator.approvals.approval import (
    APPROVALS,
    ApprovalRecord,
    is_overdue,
    note,
    resolve,
)


class Expiry:
    """Sees to approvals whose time has come; `services/mesh/due.py` says when."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def see_to(self, approval: ApprovalRecord) -> None:
        """Warn of an approval that expires soon, or let it expire."""
        before = ""

        def change(current: ApprovalRecord) -> list[event_pb2.Event] | None:
            nonlocal before
            before = current.state
            return _next(current)

        record = await self._store.update(APPROVALS, approval.name, change)
        if (before, record.state) == ("PENDING", "EXPIRED"):
            approval_metrics.resolved(record)


def _next(approval: ApprovalRecord) -> list[event_pb2.Event] | None:
    """Do what is due; None where another replica did it, or somebody answered."""
    time = now()
    if approval.due_time is None or approval.due_time > time:
        return None
    if approval.state != "PENDING":
        approval.due_time = None
        return []
    if is_overdue(approval, time):
        return resolve(approval, "EXPIRED", "UNSPECIFIED", "nobody answered in time")
    return [_warn(approval)]


def _warn(approval: ApprovalRecord) -> event_pb2.Event:
    approval.due_time = approval.expire_time
    note(approval, "WARNED", "it expires soon")
    expiring = approval_events_pb2.ApprovalExpiring(
        title=approval.title,
        expire_time=convert.time(approval.expire_time),
        risk=convert.risk(approval.risk),
    )
    return new_event(resource=approval.name, task=approval.task, approval_expiring=expiring)
