"""Approvals: their record, their states, and what happens to them.

Functions here change a record in place and return the events that announce the change.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, Field, model_validator

from adjutant.event.v1 import approval_events_pb2, event_pb2
from services.mesh.events import new_event
from services.mesh.statemachine import StateMachine
from services.mesh.store import Collection, Record, UtcTime, now
from services.orchestrator import convert
from services.orchestrator.approvals.action import Action, AnyAction, CommitActionRecord, commit_of

APPROVAL_STATES: Final = StateMachine(
    noun="approval",
    initial="PENDING",
    transitions={
        "PENDING": ("APPROVED", "DENIED", "EXPIRED", "DISMISSED"),
        "APPROVED": (),
        "DENIED": (),
        "EXPIRED": (),
        "DISMISSED": (),
    },
    final=frozenset({"APPROVED", "DENIED", "EXPIRED", "DISMISSED"}),
)
"""Asking is announced by approval_requested, every transition by approval_resolved."""
MAX_ATTEMPTS: Final = 3
"""How often a task asks the same when nobody answers in time."""
MAX_DISMISSALS: Final = 10
"""How often a task asks again what was taken back although it still wants the answer."""
MAX_HISTORY: Final = 10


class HistoryRecord(BaseModel):
    """Something that happened to an approval."""

    change: str
    """An ApprovalChange, without its prefix."""
    time: UtcTime
    actor: str = ""
    """Principal who did it; empty where the time or a policy did."""
    message: str = ""
    action: AnyAction | None = None
    """What stood there before an edit."""
    action_digest: str = ""


class ApprovalRecord(Record):
    """A stored approval."""

    task: str = ""
    """Name of the task that it belongs to; empty where there is none."""
    run: str = ""
    """Name of the run that it belongs to; empty where there is none."""
    state: str = "PENDING"
    title: str
    kind: str
    """The kind of its action; lists are filtered by it."""
    risk: str = "MEDIUM"
    action: AnyAction
    action_digest: str
    requested_digest: str = ""
    """Digest of the action before the answer edited it; empty where no answer did."""
    requester: str = ""
    """Principal who asked; empty in records of an older version."""
    decided_by: str = "UNSPECIFIED"
    decider: str = ""
    """Principal who answered; empty where nobody did."""
    reason: str = ""
    choice_id: str = ""
    """What was chosen; empty where nothing was."""
    decide_time: UtcTime | None = None
    expire_time: UtcTime | None = None
    """When it expires; None where it never does."""
    due_time: UtcTime | None = None
    """When somebody is to be warned, or it expires; None where nothing is to be done."""
    attempt: int = 1
    """Counts how often the same was asked."""
    previous: str = ""
    """Name of the approval that expired and is asked again; empty on the first attempt."""
    dismissals: int = 0
    """How often the same was taken back before although its task still wanted the answer."""
    history: list[HistoryRecord] = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_version(cls, stored: Any) -> Any:
        """Read a record from when every approval was a commit's."""
        if isinstance(stored, dict) and "commit" in stored:
            stored = dict(stored)
            stored["action"] = {"kind": "COMMIT", **stored.pop("commit")}
            stored["kind"] = "COMMIT"
        return stored

    @property
    def requested(self) -> Action:
        """The action as it was asked for, before any edit of the answer."""
        edits = (entry.action for entry in self.history if entry.change == "EDITED")
        return next((action for action in edits if action), self.action)

    @property
    def commit(self) -> CommitActionRecord | None:
        """The commit that it allows; None where it allows none."""
        return commit_of(self.action)


APPROVALS: Final = Collection(
    "approvals", ApprovalRecord, ("state", "kind", "risk", "task"), ("run", "due_time")
)
Events = Sequence[event_pb2.Event]


def note(
    approval: ApprovalRecord,
    change: str,
    message: str,
    actor: str = "",
    *,
    before: Action | None = None,
    digest: str = "",
) -> None:
    """Write down what happened; an edit with what stood there before."""
    entry = HistoryRecord(
        change=change, time=now(), actor=actor, message=message, action=before, action_digest=digest
    )
    approval.history = [*approval.history, entry][-MAX_HISTORY:]


def announce_request(approval: ApprovalRecord) -> event_pb2.Event:
    """Return the event that asks people."""
    commit = approval.commit
    requested = approval_events_pb2.ApprovalRequested(
        title=approval.title,
        action_digest=approval.action_digest,
        changed_files=commit.changed_files if commit else (),
        kind=convert.approval_kind(approval.kind),
        risk=convert.risk(approval.risk),
        expire_time=convert.time(approval.expire_time),
        attempt=approval.attempt,
        previous=approval.previous,
        requester=approval.requester,
    )
    return new_event(resource=approval.name, task=approval.task, approval_requested=requested)


def resolve(
    approval: ApprovalRecord, state: str, decided_by: str, reason: str, decider: str = ""
) -> list[event_pb2.Event]:
    """Decide or dismiss an approval, or let it expire. ILLEGAL_TRANSITION."""
    APPROVAL_STATES.check(approval.state, state)
    approval.state, approval.decided_by, approval.reason = state, decided_by, reason
    approval.decider, approval.decide_time, approval.due_time = decider, now(), None
    change = state if state in ("EXPIRED", "DISMISSED") else "DECIDED"
    choice = f", {approval.choice_id}" if approval.choice_id else ""
    said = f": {reason}" if reason else ""
    note(approval, change, f"{state.lower()}{choice}{said}", decider)
    resolved = approval_events_pb2.ApprovalResolved(
        state=convert.approval_state(state),
        decided_by=convert.approval_decider(decided_by),
        reason=reason,
        decider=decider,
        action_digest=approval.action_digest,
        choice_id=approval.choice_id,
    )
    return [new_event(resource=approval.name, task=approval.task, approval_resolved=resolved)]


def dismiss(approval: ApprovalRecord, reason: str) -> list[event_pb2.Event] | None:
    """Take a question back that waits for nobody any more; None where it does not wait."""
    if approval.state != "PENDING":
        return None
    return resolve(approval, "DISMISSED", "UNSPECIFIED", reason)


def is_overdue(approval: ApprovalRecord, time: datetime) -> bool:
    """Tell whether an approval should have expired by then."""
    return approval.expire_time is not None and time >= approval.expire_time
