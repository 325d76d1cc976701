"""Approvals: their record, their states, and the digest of what is approved."""

import hashlib
from typing import Final

from pydantic import BaseModel, Field

from adjutant.event.v1 import approval_events_pb2, event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events import new_event
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert

APPROVAL_STATES: Final = StateMachine(
    noun="approval",
    initial="PENDING",
    transitions={
        "PENDING": ("APPROVED", "DENIED", "DISMISSED"),
        "APPROVED": (),
        "DENIED": (),
        "DISMISSED": (),
    },
    final=frozenset({"APPROVED", "DENIED", "DISMISSED"}),
)
"""Asking is announced by approval_requested, every transition by approval_resolved."""


class PatchRecord(BaseModel):
    """A change that a run made."""

    run: str
    sha256: str


class CommitActionRecord(BaseModel):
    """The commit that waits for approval."""

    repository_uri: str
    base_sha: str
    branch: str
    message: str
    patches: list[PatchRecord]
    changed_files: list[str] = Field(default_factory=list)

    def digest(self) -> str:
        """Return the SHA-256 of exactly what will be done, in hex."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class ApprovalRecord(Record):
    """A stored approval."""

    task: str
    state: str = "PENDING"
    title: str
    commit: CommitActionRecord
    action_digest: str
    decided_by: str = "UNSPECIFIED"
    decider: str = ""
    """Principal who answered; empty where nobody did."""
    reason: str = ""
    decide_time: UtcTime | None = None


APPROVALS: Final = Collection("approvals", ApprovalRecord, ("state", "task"))


def announce_request(approval: ApprovalRecord) -> event_pb2.Event:
    """Return the event that asks people."""
    requested = approval_events_pb2.ApprovalRequested(
        title=approval.title,
        action_digest=approval.action_digest,
        changed_files=approval.commit.changed_files,
    )
    return new_event(resource=approval.name, task=approval.task, approval_requested=requested)


def resolve(
    approval: ApprovalRecord, state: str, decided_by: str, reason: str, decider: str = ""
) -> list[event_pb2.Event]:
    """Decide or dismiss an approval. ILLEGAL_TRANSITION."""
    APPROVAL_STATES.check(approval.state, state)
    approval.state, approval.decided_by, approval.reason = state, decided_by, reason
    approval.decider, approval.decide_time = decider, now()
    resolved = approval_events_pb2.ApprovalResolved(
        state=convert.approval_state(state),
        decided_by=convert.approval_decider(decided_by),
        reason=reason,
        decider=decider,
    )
    return [new_event(resource=approval.name, task=approval.task, approval_resolved=resolved)]


def decide(
    approval: ApprovalRecord, state: str, reason: str, digest: str, decider: str
) -> list[event_pb2.Event] | None:
    """Take a person's answer; None where the same was given. APPROVAL_DECIDED, ACTION_CHANGED."""
    if digest and digest != approval.action_digest:
        raise AdjutantError(
            "ACTION_CHANGED",
            "The answer was given for another action; read the approval again and decide anew.",
            field="action_digest",
        )
    if approval.state == state:
        return None
    if approval.state != "PENDING":
        raise AdjutantError(
            "APPROVAL_DECIDED",
            f"The approval is {approval.state} already; the first answer wins.",
            metadata={"state": approval.state},
        )
    return resolve(approval, state, "PERSON", reason, decider)
