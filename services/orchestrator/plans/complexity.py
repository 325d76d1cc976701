"""How much there is to understand in a plan, as one number."""

import math
from collections.abc import Iterable, Sequence
from typing import Final

from services.orchestrator.plans.plan import PlanStep, topological
from services.orchestrator.tasks.step import StepRecord

MOST_LOW: Final = 10
MOST_MEDIUM: Final = 40


def complexity(steps: Sequence[PlanStep | StepRecord]) -> int:
    """Return the complexity of a plan; a plan of one step has 1.

    It is steps + 2 * (depth - 1) + 3 * (agents - 1) + log2(1 + waits), rounded up, over the steps
    that are run: `depth` is how many come one after another at most, `waits` is how often one
    waits for another. The logarithm is there because two headings of many steps make a wait of
    each pair, and are no harder to understand for that.
    """
    run = [step for step in steps if not step.ticked]
    numbers = {step.number for step in run}
    after = {step.number: [n for n in step.after if n in numbers] for step in run}
    waits = sum(len(before) for before in after.values())
    agents = len({step.agent for step in run})
    deep, broad = 2 * max(_depth(after) - 1, 0), 3 * max(agents - 1, 0)
    return len(run) + deep + broad + math.ceil(math.log2(1 + waits))


def level(number: int) -> str:
    """Return a complexity as LOW, MEDIUM or HIGH."""
    if number <= MOST_LOW:
        return "LOW"
    return "MEDIUM" if number <= MOST_MEDIUM else "HIGH"


def _depth(after: dict[int, list[int]]) -> int:
    """Return how many steps come one after another at most."""
    depths: dict[int, int] = {}
    for number in topological(after):
        depths[number] = 1 + _largest(depths[before] for before in after[number])
    return _largest(depths.values())


def _largest(numbers: Iterable[int]) -> int:
    return max(numbers, default=0)
