"""Asks people: makes approvals, and gives at once those that need no person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.mesh.names import child, new_id
from services.mesh.store import Guard, RequestKey, Store, now
from services.orchestrator.approvals import metrics as approval_metrics
from services.orchestrator.approvals.action import Action, digest
from services.orchestrator.approvals.approval import (
    APPROVALS,
    ApprovalRecord,
    announce_request,
    note,
    resolve,
)
from services.orchestrator.approvals.risk import assess
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tenancy.effective import ApprovalRules, Inheritance


@dataclass(frozen=True)
class Approved:
    """What was approved before it was asked."""

    reason: str
    decider: str = ""
    """Principal who approved it; empty where the project's settings did."""


@dataclass(frozen=True)
class Question:
    """What is asked."""

    parent: str
    """Name of the project."""
    title: str
    action: Action
    requester: str
    """Principal who wants it."""
    task: str = ""
    run: str = ""
    claim: str = "UNSPECIFIED"
    """The risk that the requester takes it for."""
    name: str = ""
    """Name of the approval; empty where it does not matter."""
    previous: ApprovalRecord | None = None
    """What expired, or was taken back, and is asked again."""
    approved: Approved | None = None
    """Where it was approved in advance."""


class Asker:
    """Makes approvals."""

    def __init__(
        self,
        store: Store,
        inheritance: Inheritance,
        settings: OrchestratorSettings,
        soon: Callable[[], None],
    ) -> None:
        """Take what is called when an approval was made that expires."""
        self._store = store
        self._inheritance = inheritance
        self._settings = settings
        self._soon = soon

    async def ask(
        self, question: Question, request: RequestKey, guard: Guard | None = None
    ) -> ApprovalRecord:
        """Ask, once for each request. NOT_FOUND, REQUEST_ID_REUSED, and what the guard raises."""
        rules = await self._inheritance.approval_rules(question.parent)
        record = self._record(question, rules)
        events = [announce_request(record)]
        if approved := question.approved or _by_risk(record, rules):
            events += resolve(record, "APPROVED", "POLICY", approved.reason, approved.decider)
        inserted = await self._store.insert(
            APPROVALS, record, events=events, request=request, guard=guard
        )
        if inserted.created:
            approval_metrics.requested(inserted.record)
            if approved:
                approval_metrics.resolved(inserted.record)
            self._soon()
        return inserted.record

    def _record(self, question: Question, rules: ApprovalRules) -> ApprovalRecord:
        time, action, before = now(), question.action, question.previous
        expired = before if before and before.state == "EXPIRED" else None
        risk = assess(action, question.claim)
        expire_time = self._expire_time(time, risk, rules)
        record = ApprovalRecord(
            name=question.name or child(question.parent, "approvals", new_id()),
            create_time=time,
            update_time=time,
            task=question.task,
            run=question.run,
            title=question.title,
            kind=action.kind,
            risk=risk,
            action=action,
            action_digest=digest(action),
            requester=question.requester,
            expire_time=expire_time,
            due_time=self._warn_time(time, expire_time),
            attempt=expired.attempt + 1 if expired else 1,
            previous=expired.name if expired else "",
            dismissals=before.dismissals + (before.state == "DISMISSED") if before else 0,
        )
        if expired:
            note(record, "RETRIED", f"{expired.name} expired", question.requester)
        note(record, "REQUESTED", question.title, question.requester)
        return record

    def _expire_time(self, time: datetime, risk: str, rules: ApprovalRules) -> datetime | None:
        ours = self._settings
        timeout_s = {
            "LOW": ours.approval_timeout_low_s,
            "MEDIUM": rules.timeout_medium_s or ours.approval_timeout_medium_s,
            "HIGH": rules.timeout_high_s or ours.approval_timeout_high_s,
        }[risk]
        return time + timedelta(seconds=timeout_s) if timeout_s else None

    def _warn_time(self, time: datetime, expire_time: datetime | None) -> datetime | None:
        if expire_time is None:
            return None
        # Where all of it is shorter than the warning, people are warned at once.
        return max(time, expire_time - timedelta(seconds=self._settings.approval_warning_s))


def _by_risk(record: ApprovalRecord, rules: ApprovalRules) -> Approved | None:
    if record.risk != "LOW" or not rules.auto_approve_low_risk:
        return None
    return Approved("low risk, which the project's settings approve")
