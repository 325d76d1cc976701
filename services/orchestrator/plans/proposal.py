"""Plans that a language model proposes for a task that is told in plain words."""

import graphlib
from typing import Annotated, Final, Protocol

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from services.mesh.errors import AdjutantError
from services.orchestrator.models.port import CallScope, ModelMessage, ModelRequest, Models, Role
from services.orchestrator.models.structured import ask_for
from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.plan import Plan, PlanStep, topological
from services.orchestrator.plans.planner import Planned, Planner

MAX_PROPOSED: Final = 50
"""Steps that a model may propose; longer plans are for people to write."""
_SYSTEM: Final = """\
You plan work for Adjutant, which runs steps one by one or side by side, each in a clone of a git \
repository of its own that has the changes of the steps it comes after. A step is a command line \
for `sh -c`; nobody answers its questions, and its changes to files are kept by themselves: never \
commit or push. Give as few steps as do the whole work. `after` holds the numbers, from 1, of the \
steps that must be done before. `check` is a command line that fails where the step did not do \
what it should; leave it empty where there is none. Answer with the JSON alone."""


def _title(text: str) -> str:
    """Return a title that the grammar of plans reads as it is."""
    line = " ".join(text.split())[:200]
    try:
        parsed = parse_plan(f"- [ ] {line}\n  run: true\n")
    except AdjutantError:
        parsed = None
    if parsed and [step.title for step in parsed.steps] == [line]:
        return line
    plain = "".join(each if each.isalnum() or each in " ,-" else " " for each in line)
    words = " ".join(plain.split()).lstrip("-, ")
    if not words:
        raise ValueError("say in words what the step does")
    return words


class ProposedStep(BaseModel):
    """A step that a model proposes."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, AfterValidator(_title)] = Field(description="What it does, in words.")
    command: str = Field(min_length=1, max_length=2000)
    after: list[int] = Field(default_factory=list, max_length=MAX_PROPOSED)
    check: str = Field("", max_length=2000)


class ProposedPlan(BaseModel):
    """A plan that a model proposes; what it must be like is told to the model."""

    model_config = ConfigDict(extra="forbid", title="Plan")

    steps: list[ProposedStep] = Field(min_length=1, max_length=MAX_PROPOSED)

    @model_validator(mode="after")
    def _require_order(self) -> "ProposedPlan":
        numbers = range(1, len(self.steps) + 1)
        for number, step in enumerate(self.steps, 1):
            if unknown := [each for each in step.after if each not in numbers or each == number]:
                raise ValueError(f"step {number} comes after {unknown[0]}, which is no other step")
        try:
            topological({number: step.after for number, step in enumerate(self.steps, 1)})
        except graphlib.CycleError as error:
            raise ValueError(f"steps wait for each other: {error.args[1]}") from None
        return self

    def to_plan(self, title: str) -> Plan:
        """Return it as any other plan, with the title as its goal."""
        return Plan(
            title=title,
            goals=[title],
            steps=[
                PlanStep(
                    number=number,
                    title=step.title,
                    goal_index=0,
                    line=1,
                    ticked=False,
                    command_line=step.command,
                    verify_command=step.check,
                    after=sorted(set(step.after)),
                )
                for number, step in enumerate(self.steps, 1)
            ],
        )


class Proposer(Protocol):
    """Makes plans of plain words."""

    async def propose(self, scope: CallScope, instructions: str, title: str) -> Plan:
        """Return a plan of at least one step. ModelFailure, BUDGET_EXHAUSTED."""


class ModelProposer:
    """Has a language model make them."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def propose(self, scope: CallScope, instructions: str, title: str) -> Plan:
        """Ask a model for a plan; see Proposer."""
        wanted = (ModelMessage(Role.SYSTEM, _SYSTEM), ModelMessage(Role.USER, instructions))
        request = ModelRequest(wanted)
        proposed = await ask_for(ProposedPlan, self._models, scope, request)
        return proposed.to_plan(title)


class LenientPlanner:
    """Takes plain words as a plan without steps, which are proposed when the task is run.

    A model takes its time, so whoever hands in a task does not wait for it.
    """

    def __init__(self, planner: Planner) -> None:
        self.version = f"{planner.version}-lenient"
        self._planner = planner

    async def plan(self, project: str, instructions: str, title: str) -> Planned:
        """Understand a checklist, or take words as they are; see Planner."""
        try:
            return await self._planner.plan(project, instructions, title)
        except AdjutantError as error:
            first = next((line for line in instructions.splitlines() if line.strip()), "")
            if error.reason != "PLAN_REQUIRED" or not first:
                raise
            title = (title or " ".join(first.split()))[:200]
            return Planned(Plan(title=title, goals=[title], steps=[]))
