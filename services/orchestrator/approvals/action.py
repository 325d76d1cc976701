"""What approvals are asked for: the action, and the digest of exactly what will be done."""

import hashlib
import json
from typing import Annotated, Any, Final, Literal

from google.protobuf import json_format
from pydantic import BaseModel, Field

from adjutant.common.v1 import money_pb2
from adjutant.orchestrator.v1 import approval_action_pb2 as pb
from services.orchestrator import convert
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.tasks.money import MoneyRecord


class PatchRecord(BaseModel):
    """A change that a run made."""

    run: str
    sha256: str


class CommitActionRecord(BaseModel):
    """A commit that waits for approval."""

    kind: Literal["COMMIT"] = "COMMIT"
    repository_uri: str
    base_sha: str
    branch: str
    message: str
    patches: list[PatchRecord]
    changed_files: list[str] = Field(default_factory=list)


class PlannedStepRecord(BaseModel):
    """One step of a plan that waits for approval."""

    number: int
    title: str
    after: list[int] = Field(default_factory=list)
    agent: str = ""
    """Who does it; empty, as are the commands, in approvals of an older version."""
    command_line: str = ""
    verify_command: str = ""


class PlanActionRecord(BaseModel):
    """A plan that waits for approval."""

    kind: Literal["PLAN"] = "PLAN"
    steps: list[PlannedStepRecord]
    complexity: str
    """LOW, MEDIUM or HIGH."""
    plan_digest: str
    """SHA-256 of the plan's text, in hex."""


class ToolArgumentRecord(BaseModel):
    """One argument of a tool."""

    name: str
    value: str


class ToolActionRecord(BaseModel):
    """What an agent or a program wants to do."""

    kind: Literal["TOOL"] = "TOOL"
    tool_name: str
    summary: str
    arguments: list[ToolArgumentRecord] = Field(default_factory=list)


class ChoiceRecord(BaseModel):
    """One way to go on."""

    choice_id: str
    title: str


class ContextRecord(BaseModel):
    """What somebody needs to know to choose; empty values are those of the contract."""

    message: str
    step_number: int = 0
    step_title: str = ""
    run: str = ""
    iterations: int = 0
    failure: FailureRecord | None = None
    costs: list[MoneyRecord] = Field(default_factory=list)
    cost_limit: MoneyRecord | None = None


class EscalationActionRecord(BaseModel):
    """A task that cannot go on by itself, and how it could."""

    kind: Literal["ESCALATION"] = "ESCALATION"
    escalation: str
    """TOO_MANY_ITERATIONS, NO_RECOVERY, MONEY or BREAKING_MERGE."""
    context: ContextRecord
    choices: list[ChoiceRecord]
    commit: CommitActionRecord | None = None
    """What would be committed, where the escalation is a BREAKING_MERGE."""


Action = CommitActionRecord | PlanActionRecord | ToolActionRecord | EscalationActionRecord
AnyAction = Annotated[Action, Field(discriminator="kind")]
"""An action as it is stored."""
GIVE_UP: Final = "give-up"
"""The choice of every escalation that says no."""


def commit_of(action: Action) -> CommitActionRecord | None:
    """Return the commit that an action makes; None where it makes none."""
    if isinstance(action, EscalationActionRecord):
        return action.commit
    return action if isinstance(action, CommitActionRecord) else None


def digest(action: Action) -> str:
    """Return the SHA-256 of exactly what will be done, in hex.

    It is taken over the action's ProtoJSON in the canonical form of RFC 8785: names sorted, no
    blanks, UTF-8. What has its default value is left out, so a later field changes no digest.
    """
    fields = json_format.MessageToDict(message(action))
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def message(action: Action) -> pb.ApprovalAction:
    """Return an action as the contract's."""
    made: dict[str, Any] = {action.kind.lower(): _MESSAGES[action.kind](action)}
    return pb.ApprovalAction(**made)


def _commit(action: CommitActionRecord) -> pb.CommitAction:
    return pb.CommitAction(
        repository_uri=action.repository_uri,
        base_sha=action.base_sha,
        branch=action.branch,
        message=action.message,
        patches=[pb.PatchReference(run=one.run, sha256=one.sha256) for one in action.patches],
        changed_files=action.changed_files,
    )


def _plan(action: PlanActionRecord) -> pb.PlanAction:
    return pb.PlanAction(
        steps=[pb.PlannedStep(**step.model_dump()) for step in action.steps],
        complexity=f"COMPLEXITY_{action.complexity}",
        plan_digest=action.plan_digest,
    )


def _tool(action: ToolActionRecord) -> pb.ToolAction:
    return pb.ToolAction(
        tool_name=action.tool_name,
        summary=action.summary,
        arguments=[pb.ToolArgument(name=one.name, value=one.value) for one in action.arguments],
    )


def _escalation(action: EscalationActionRecord) -> pb.EscalationAction:
    return pb.EscalationAction(
        kind=f"ESCALATION_KIND_{action.escalation}",
        context=_context(action.context),
        choices=[pb.EscalationChoice(**choice.model_dump()) for choice in action.choices],
        commit=_commit(action.commit) if action.commit else None,
    )


def _context(record: ContextRecord) -> pb.EscalationContext:
    return pb.EscalationContext(
        message=record.message,
        step_number=record.step_number,
        step_title=record.step_title,
        run=record.run,
        iterations=record.iterations,
        failure=convert.failure(record.failure) if record.failure else None,
        costs=[money_pb2.Money(**cost.model_dump()) for cost in record.costs],
        cost_limit=money_pb2.Money(**record.cost_limit.model_dump()) if record.cost_limit else None,
    )


_MESSAGES: Final[dict[str, Any]] = {
    "COMMIT": _commit,
    "PLAN": _plan,
    "TOOL": _tool,
    "ESCALATION": _escalation,
}
