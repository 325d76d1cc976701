"""Steps that a message adds to a plan.

The grammar is that of plans (docs/plans.md) and is read by its own parser: what is known of the
plan stands before the message as if it were done, so numbers continue, `after:` may name what
was there, and without it the new steps come when all before is done, like a heading of its own.
"""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from services.mesh.errors import AdjutantError, Violation
from services.orchestrator.plan import Plan, parse_plan

_ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[[ xX]\]\s", re.MULTILINE)
_GAP: Final = "\N{ZERO WIDTH SPACE}"
"""Stands for a number that no step has, and cannot be meant by a title."""
_LINES: Final = re.compile(r"\b(lines? )(\d+(?:, \d+)*)")


class KnownStep(BaseModel):
    """A step that a plan has, or will have when messages before are handed over."""

    number: int
    title: str
    goal_index: int


def parse_additions(text: str, known: Sequence[KnownStep]) -> Plan | None:
    """Return the steps and goals that a message adds; None where it holds no checklist item.

    INVALID_PLAN, PLAN_CYCLE; lines are counted in the message.
    """
    if not _ITEM.search(text):
        return None
    before = _known_text(known)
    offset = before.count("\n")
    try:
        plan = parse_plan(before + text, "-")
    except AdjutantError as error:
        raise _in_message(error, offset) from error
    last = max(step.number for step in known)
    steps = [step for step in plan.steps if step.number > last]
    if not steps:
        return None
    numbers = {step.number for step in known} | {step.number for step in steps}
    for step in steps:
        step.after = [number for number in step.after if number in numbers]
    goals = max(step.goal_index for step in known) + 1
    return Plan(plan.title, plan.goals[goals:], steps)


def _known_text(known: Sequence[KnownStep]) -> str:
    """Return a plan whose items have the numbers, titles and goals of what is known."""
    by_number = {step.number: step for step in known}
    lines: list[str] = []
    goal = -1
    for number in range(1, max(by_number) + 1):
        step = by_number.get(number)
        if step and step.goal_index != goal:
            goal = step.goal_index
            lines += [f"# {goal}", ""]
        # A step's title may be another one's number, by which it is then not found.
        lines.append(f"- [x] {step.title if step else f'{_GAP}{number}'}")
    return "\n".join([*lines, "", "# More", "", ""])


def _in_message(error: AdjutantError, offset: int) -> AdjutantError:
    """Return the parser's error with the message's own field and lines."""

    def shifted(found: re.Match[str]) -> str:
        numbers = [int(number) - offset for number in found[2].split(", ")]
        own = [str(number) for number in numbers if number > 0]
        return f"{found[1]}{', '.join(own)}" if own else "the plan"

    violations = tuple(
        Violation(
            f"text:{max(int(violation.field.split(':')[1]) - offset, 1)}",
            _LINES.sub(shifted, violation.description),
        )
        for violation in error.violations
    )
    return AdjutantError(
        error.reason,
        _LINES.sub(shifted, error.message),
        field="text" if not violations else "",
        violations=violations,
    )
