"""Who makes plans of instructions: a port, and the planner that reads checklists."""

from dataclasses import dataclass
from typing import Protocol

from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.plan import Plan


@dataclass(frozen=True)
class Planned:
    """A plan, and where it came from."""

    plan: Plan
    cached: bool = False
    """Whether it was made before."""


class Planner(Protocol):
    """Makes plans."""

    version: str
    """Changes when the same instructions come to mean another plan."""

    async def plan(self, project: str, instructions: str, title: str) -> Planned:
        """Return the plan of instructions. INVALID_PLAN, PLAN_CYCLE, PLAN_REQUIRED.

        `title` is what was asked for as the task's title; empty where the plan says it.
        """


class ChecklistPlanner:
    """Reads Markdown checklists."""

    version = "checklist-1"

    async def plan(self, project: str, instructions: str, title: str) -> Planned:
        """Understand a checklist; see Planner."""
        return Planned(parse_plan(instructions, title))
