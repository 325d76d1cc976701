"""Answers to approvals: the first one wins, and may edit what it allows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.store import now
from services.orchestrator.approvals.action import (
    GIVE_UP,
    Action,
    CommitActionRecord,
    EscalationActionRecord,
    PlanActionRecord,
    ToolActionRecord,
    ToolArgumentRecord,
    digest,
)
from services.orchestrator.approvals.approval import (
    ApprovalRecord,
    Events,
    is_overdue,
    note,
    resolve,
)
from services.orchestrator.tasks.branches import check_branch

CHOOSE: Final = pb.DecideApprovalRequest.DECISION_CHOOSE
ANSWERS: Final = {
    pb.DecideApprovalRequest.DECISION_APPROVE: "APPROVED",
    pb.DecideApprovalRequest.DECISION_DENY: "DENIED",
}


@dataclass(frozen=True)
class Answer:
    """What somebody answered, checked against what was asked."""

    state: str
    """APPROVED or DENIED."""
    choice_id: str
    action: Action
    """What is to be done: what was asked for, or what it was edited to."""


def decide(
    approval: ApprovalRecord, request: pb.DecideApprovalRequest, decider: str
) -> Events | None:
    """Take a person's answer; None where the same was given.

    APPROVAL_DECIDED, APPROVAL_EXPIRED, ACTION_CHANGED, INVALID_EDIT, UNKNOWN_CHOICE.
    """
    _check_digest(approval, request.action_digest)
    if approval.state != "PENDING":
        _check_repeated(approval, request)
        return None
    if is_overdue(approval, now()):
        raise _expired()
    answer = _read(approval, request)
    if answer.action is not approval.action:
        _edit(approval, answer.action, decider)
    approval.choice_id = answer.choice_id
    return resolve(approval, answer.state, "PERSON", request.reason, decider)


def _check_digest(approval: ApprovalRecord, wanted: str) -> None:
    if wanted and wanted not in (approval.action_digest, approval.requested_digest):
        raise AdjutantError(
            "ACTION_CHANGED",
            "The answer was given for another action; read the approval again and decide anew.",
            field="action_digest",
        )


def _check_repeated(approval: ApprovalRecord, request: pb.DecideApprovalRequest) -> None:
    """Accept the answer that was given before; any other comes too late."""
    if approval.state == "EXPIRED":
        raise _expired()
    if approval.state == "DISMISSED" or not _is_the_same(approval, request):
        raise decided(approval)


def decided(approval: ApprovalRecord) -> AdjutantError:
    """Return what is wrong with an answer that comes after another."""
    return AdjutantError(
        "APPROVAL_DECIDED",
        f"The approval is {approval.state} already; the first answer wins.",
        metadata={"state": approval.state},
    )


def _is_the_same(approval: ApprovalRecord, request: pb.DecideApprovalRequest) -> bool:
    if approval.decided_by == "POLICY" and request.WhichOneof("edit") is None:
        return ANSWERS.get(request.decision) == approval.state
    asked = approval.model_copy(update={"action": approval.requested})
    answer = _read(asked, request)
    given = (approval.state, approval.choice_id, approval.action_digest)
    return (answer.state, answer.choice_id, digest(answer.action)) == given


def _expired() -> AdjutantError:
    return AdjutantError(
        "APPROVAL_EXPIRED",
        "Nobody answered in time; a task that still needs the answer asks again. List what waits.",
        metadata={"state": "EXPIRED"},
    )


def _read(approval: ApprovalRecord, request: pb.DecideApprovalRequest) -> Answer:
    """Return what an answer means for what was asked. INVALID_EDIT, UNKNOWN_CHOICE."""
    state, choice = _choice(approval, request)
    action = approval.action
    if which := request.WhichOneof("edit"):
        if state != "APPROVED":
            raise _bad_edit("Only an answer that says yes can edit; leave the edit out.", which)
        action = _EDITORS[which](action, getattr(request, which), which)
    return Answer(state, choice, action)


def _choice(approval: ApprovalRecord, request: pb.DecideApprovalRequest) -> tuple[str, str]:
    """Return the state that an answer leads to, and what it chose."""
    action = approval.action
    if not isinstance(action, EscalationActionRecord):
        if request.decision == CHOOSE or request.choice_id:
            message = "This approval offers no choices; answer APPROVE or DENY."
            raise AdjutantError("UNKNOWN_CHOICE", message, field="choice_id")
        return ANSWERS[request.decision], ""
    # No is no to everything; a yes must say to what.
    denied = request.decision == pb.DecideApprovalRequest.DECISION_DENY
    chosen = GIVE_UP if denied and not request.choice_id else request.choice_id
    offered = [choice.choice_id for choice in action.choices]
    if chosen not in offered or (denied and chosen != GIVE_UP):
        raise AdjutantError(
            "UNKNOWN_CHOICE",
            f"Choose one of these: {', '.join(offered)}. Send it as choice_id, with CHOOSE.",
            field="choice_id",
            metadata={"choices": ", ".join(offered)},
        )
    return "DENIED" if chosen == GIVE_UP else "APPROVED", chosen


def _edit(approval: ApprovalRecord, action: Action, decider: str) -> None:
    """Put an edited action in the place of what was asked for, which stays in the history."""
    before = approval.action_digest
    message = "edited what is done"
    note(approval, "EDITED", message, decider, before=approval.action, digest=before)
    approval.action, approval.requested_digest = action, before
    approval.action_digest = digest(action)


def _edited_commit(action: Action, edit: pb.CommitEdit, field: str) -> Action:
    if isinstance(action, EscalationActionRecord) and action.commit:
        commit = _edited_commit(action.commit, edit, field)
        return action.model_copy(update={"commit": commit})
    if not isinstance(action, CommitActionRecord):
        raise _no_such(action, field)
    if not edit.message.strip() and not edit.branch:
        raise _bad_edit("The edit changes nothing; give a message or a branch.", field)
    check_branch(edit.branch, f"{field}.branch", "INVALID_EDIT")
    changes = {"message": edit.message.strip(), "branch": edit.branch}
    return action.model_copy(update={key: value for key, value in changes.items() if value})


def _edited_plan(action: Action, edit: pb.PlanEdit, field: str) -> Action:
    if not isinstance(action, PlanActionRecord):
        raise _no_such(action, field)
    omitted = set(edit.omitted_steps)
    if unknown := omitted - {step.number for step in action.steps}:
        raise _bad_edit(f"The plan has no step {min(unknown)}; leave it out of the edit.", field)
    kept = [step for step in action.steps if step.number not in omitted]
    if not kept:
        raise _bad_edit("Every step would be left out; deny the plan instead.", field)
    for step in kept:
        if needed := omitted & set(step.after):
            raise _bad_edit(
                f"Step {step.number} {step.title!r} comes after step {min(needed)}, which is left "
                "out; leave both out or neither.",
                field,
            )
    return action.model_copy(update={"steps": kept})


def _edited_tool(action: Action, edit: pb.ToolEdit, field: str) -> Action:
    if not isinstance(action, ToolActionRecord):
        raise _no_such(action, field)
    names = [argument.name for argument in edit.arguments]
    if len(set(names)) < len(names):
        raise _bad_edit("An argument is given twice; give each once.", field)
    arguments = [ToolArgumentRecord(name=one.name, value=one.value) for one in edit.arguments]
    return action.model_copy(update={"arguments": arguments})


_EDITORS: Final[dict[str, Callable[[Action, Any, str], Action]]] = {
    "edited_commit": _edited_commit,
    "edited_plan": _edited_plan,
    "edited_tool": _edited_tool,
}
"""Field of the request to what applies it."""


def _no_such(action: Action, field: str) -> AdjutantError:
    noun = field.removeprefix("edited_")
    return _bad_edit(f"The approval is no {noun}'s but of {action.kind}; edit that.", field)


def _bad_edit(message: str, field: str) -> AdjutantError:
    return AdjutantError("INVALID_EDIT", message, field=field)
