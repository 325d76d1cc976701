"""How estimates look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.cli.amounts import money
from services.cli.render import plain, span, table

if TYPE_CHECKING:
    from adjutant_messages.adjutant.common.v1 import Step
    from adjutant_messages.adjutant.orchestrator import v1
    from services.cli.session import Session

_BASES: Final = {"COMMAND": "the same command", "AGENT": "the same agent"}


def show_estimate(session: Session, found: v1.EstimateTaskResponse) -> None:
    """Print a plan before it is run."""
    session.say(f"{plain(found.title)} \u00b7 complexity {found.complexity}")
    rows = table("step", "after", "takes", "9 of 10 within", "spends", "stands on", "title")
    for one in found.steps:
        if one.step is not None:
            rows.add_row(*_row(one, one.step))
    session.console.print(rows)
    if found.estimate is not None:
        session.say(estimate_line(found.estimate))
        session.say(f"At most {found.max_parallel_steps} steps run at once.")


def estimate_line(estimate: v1.Estimate) -> str:
    """Return what a plan will probably take in one line."""
    if not estimate.known_steps:
        return "No past run is like any of the steps, so nothing can be estimated."
    parallel, sequential = estimate.parallel_duration, estimate.sequential_duration
    line = f"Estimate: {span(parallel)} ({span(sequential)} one after another)"
    if estimate.costs:
        line += f", {money(estimate.costs)}"
    if estimate.unknown_steps:
        steps = estimate.known_steps + estimate.unknown_steps
        line += f"; {estimate.unknown_steps} of {steps} steps are not in it, being new"
    return line


def _row(one: v1.StepEstimate, step: Step) -> list[str]:
    basis = one.basis.name or ""
    if basis == "UNSPECIFIED":
        stands_on = "ticked off"
    else:
        runs = f"{one.past_runs} run{'' if one.past_runs == 1 else 's'}"
        stands_on = f"{runs} of {_BASES[basis]}" if one.past_runs else "nothing"
    return [
        str(step.number),
        ", ".join(str(number) for number in step.after),
        span(one.mean_duration) if one.mean_duration is not None else "",
        span(one.p90_duration) if one.p90_duration is not None else "",
        money(one.costs),
        stands_on,
        plain(step.title),
    ]
