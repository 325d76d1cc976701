"""A plan before it is run: what would be done, and what it would probably take."""

from dataclasses import dataclass

from adjutant.orchestrator.v1 import task_service_pb2
from services.mesh.errors import AdjutantError
from services.orchestrator.plans.complexity import complexity
from services.orchestrator.plans.estimate import Estimates, PlanEstimate
from services.orchestrator.plans.planner import Planned, Planner
from services.orchestrator.tenancy.effective import Inheritance


@dataclass(frozen=True)
class Preview:
    """A plan, and what is told of it."""

    planned: Planned
    estimate: PlanEstimate
    complexity: int
    max_parallel_steps: int


class Previews:
    """Tells of plans before they are run."""

    def __init__(self, planner: Planner, estimates: Estimates, inheritance: Inheritance) -> None:
        self._planner = planner
        self._estimates = estimates
        self._inheritance = inheritance

    async def preview(self, request: task_service_pb2.EstimateTaskRequest) -> Preview:
        """Plan and estimate what would be handed in. INVALID_PLAN and its kin, NOT_FOUND."""
        project = request.parent
        inherited = await self._inheritance.max_parallel_steps(project)
        planned = await self._planner.plan(project, request.instructions, request.title)
        if not planned.plan.steps:
            raise AdjutantError(
                "PLAN_REQUIRED",
                "A language model makes a plan of these words when the task is run, so there is "
                "none to tell of yet. Hand the task in, or write steps as in docs/plans.md.",
                field="instructions",
            )
        width = request.max_parallel_steps or inherited
        return Preview(
            planned=planned,
            estimate=await self._estimates.of(project, planned.plan.steps, width),
            complexity=complexity(planned.plan.steps),
            max_parallel_steps=width,
        )
