"""Approvals as the contract's messages."""

from adjutant.orchestrator.v1 import approval_pb2 as pb
from services.orchestrator import convert
from services.orchestrator.approvals.action import message
from services.orchestrator.approvals.approval import ApprovalRecord, HistoryRecord


def approval(record: ApprovalRecord) -> pb.Approval:
    """Return an approval as the contract's."""
    made = pb.Approval(
        name=record.name,
        task=record.task,
        run=record.run,
        state=convert.approval_state(record.state),
        title=record.title,
        kind=convert.approval_kind(record.kind),
        risk=convert.risk(record.risk),
        action_digest=record.action_digest,
        requester=record.requester,
        decided_by=convert.approval_decider(record.decided_by),
        decider=record.decider,
        reason=record.reason,
        choice_id=record.choice_id,
        create_time=convert.time(record.create_time),
        decide_time=convert.time(record.decide_time),
        expire_time=convert.time(record.expire_time),
        attempt=record.attempt,
        previous=record.previous,
        history=[_entry(entry) for entry in record.history],
        etag=record.etag,
    )
    field = record.kind.lower()
    getattr(made, field).CopyFrom(getattr(message(record.action), field))
    return made


def _entry(record: HistoryRecord) -> pb.ApprovalHistoryEntry:
    return pb.ApprovalHistoryEntry(
        change=f"APPROVAL_CHANGE_{record.change}",
        time=convert.time(record.time),
        actor=record.actor,
        message=record.message,
        action=message(record.action) if record.action else None,
        action_digest=record.action_digest,
    )
