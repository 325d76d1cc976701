"""Estimates as the contract's messages."""

from google.protobuf import duration_pb2

from adjutant.orchestrator.v1 import estimate_pb2, task_pb2, task_service_pb2
from services.orchestrator import convert
from services.orchestrator.plans.estimate import StepEstimate
from services.orchestrator.plans.plan import PlanStep
from services.orchestrator.plans.preview import Preview
from services.orchestrator.tasks.plan import planned_step


def preview(found: Preview) -> task_service_pb2.EstimateTaskResponse:
    """Return a plan before it is run as the contract's."""
    plan, estimate = found.planned.plan, found.estimate
    return task_service_pb2.EstimateTaskResponse(
        title=plan.title,
        goals=[task_pb2.Goal(title=goal) for goal in plan.goals],
        steps=[
            _step(step, estimate.steps[step.number], estimate.starts_s.get(step.number))
            for step in plan.steps
        ],
        estimate=convert.estimate(estimate.whole),
        complexity=found.complexity,
        max_parallel_steps=found.max_parallel_steps,
        plan_cached=found.planned.cached,
    )


def _step(
    step: PlanStep, estimate: StepEstimate, starts_s: float | None
) -> estimate_pb2.StepEstimate:
    known = estimate.is_known
    return estimate_pb2.StepEstimate(
        step=convert.step(planned_step(step)),
        basis=f"ESTIMATE_BASIS_{estimate.basis}",
        past_runs=estimate.past_runs,
        mean_duration=convert.duration(estimate.mean_s) if known else None,
        p90_duration=convert.duration(estimate.p90_s) if known else None,
        costs=[convert.money(cost) for cost in estimate.costs],
        starts_after=_absent_or(starts_s),
    )


def _absent_or(seconds: float | None) -> duration_pb2.Duration | None:
    return None if seconds is None else convert.duration(seconds)
