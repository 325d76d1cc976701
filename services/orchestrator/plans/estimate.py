"""What a plan will probably take: from past runs of the same kind, and from nothing else."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, Field

from services.orchestrator.plans.plan import PlanStep
from services.orchestrator.plans.statistics import (
    Statistics,
    StatisticsRecord,
    kinds,
    mean_costs,
    mean_s,
    p90_s,
)
from services.orchestrator.tasks.money import MoneyRecord, add_all


class EstimateRecord(BaseModel):
    """What a plan will probably take; the fields are those of the contract's Estimate."""

    sequential_s: float = 0.0
    parallel_s: float = 0.0
    costs: list[MoneyRecord] = Field(default_factory=list)
    known_steps: int = 0
    unknown_steps: int = 0


@dataclass(frozen=True)
class StepEstimate:
    """What a step will probably take."""

    basis: str
    """UNSPECIFIED where it is not run, UNKNOWN, COMMAND or AGENT."""
    past_runs: int = 0
    mean_s: float = 0.0
    p90_s: float = 0.0
    costs: list[MoneyRecord] = field(default_factory=list)

    @property
    def is_known(self) -> bool:
        """Whether there are past runs."""
        return self.basis in ("COMMAND", "AGENT")


@dataclass(frozen=True)
class PlanEstimate:
    """What a plan and each of its steps will probably take."""

    whole: EstimateRecord
    steps: Mapping[int, StepEstimate]
    """By number."""
    starts_s: Mapping[int, float]
    """When each step that is run would start, in seconds from the start of the first."""


class Estimates:
    """Estimates plans."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    async def of(self, project: str, steps: Sequence[PlanStep], width: int) -> PlanEstimate:
        """Estimate a plan of which at most `width` steps run at once; 0 is no limit."""
        known: dict[str, StatisticsRecord | None] = {}
        found = {step.number: await self._estimate(project, step, known) for step in steps}
        run = [step for step in steps if not step.ticked]
        starts_s, parallel_s = schedule(run, {n: one.mean_s for n, one in found.items()}, width)
        estimates = [found[step.number] for step in run]
        whole = EstimateRecord(
            sequential_s=sum(one.mean_s for one in estimates),
            parallel_s=parallel_s,
            costs=add_all(cost for one in estimates for cost in one.costs),
            known_steps=sum(one.is_known for one in estimates),
            unknown_steps=sum(not one.is_known for one in estimates),
        )
        return PlanEstimate(whole, found, starts_s)

    async def _estimate(
        self, project: str, step: PlanStep, known: dict[str, StatisticsRecord | None]
    ) -> StepEstimate:
        if step.ticked:
            return StepEstimate("UNSPECIFIED")
        for kind in kinds(project, step.agent, step.command_line, step.verify_command):
            if kind.name not in known:
                known[kind.name] = await self._statistics.find(kind)
            record = known[kind.name]
            if record is not None and record.samples:
                return _from(kind.basis, record)
        return StepEstimate("UNKNOWN")


def schedule(
    steps: Sequence[PlanStep], durations_s: Mapping[int, float], width: int
) -> tuple[dict[int, float], float]:
    """Return when each step would start, and when the last would end, as tasks are run.

    Whatever is ready starts in the order of the plan as soon as there is room.
    """
    numbers = {step.number for step in steps}
    missing = {step.number: len(numbers.intersection(step.after)) for step in steps}
    followers: dict[int, list[int]] = {number: [] for number in numbers}
    for step in steps:
        for before in numbers.intersection(step.after):
            followers[before].append(step.number)
    ready = [number for number, count in missing.items() if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    starts_s: dict[int, float] = {}
    time_s = 0.0
    while ready or running:
        while ready and (not width or len(running) < width):
            number = heapq.heappop(ready)
            starts_s[number] = time_s
            heapq.heappush(running, (time_s + durations_s[number], number))
        time_s, ended = heapq.heappop(running)
        for follower in followers[ended]:
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    return starts_s, time_s


def _from(basis: str, record: StatisticsRecord) -> StepEstimate:
    samples = record.samples
    return StepEstimate(
        basis=basis,
        past_runs=record.count,
        mean_s=mean_s(samples),
        p90_s=p90_s(samples),
        costs=mean_costs(samples),
    )
