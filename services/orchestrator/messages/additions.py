"""Steps that a message adds to a plan.

The grammar is that of plans (docs/plans.md) and is read by its own parser: what is known of the
plan stands before the message, so numbers continue, `after:` and `takes:` may name what
was there, and without them the new steps come when all before is done, like a heading of its own.
"""

import re
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, Field

from services.mesh.errors import AdjutantError, Violation
from services.orchestrator.plans.grammar import parse_plan
from services.orchestrator.plans.plan import Gives, Plan, PlanStep
from services.orchestrator.tasks.step import StepRecord

_ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+\[[ xX]\]\s", re.MULTILINE)
_GAP: Final = "\N{ZERO WIDTH SPACE}"
"""Stands for a number that no step has, and cannot be meant by a title."""
_LINES: Final = re.compile(r"\b(lines? )(\d+(?:, \d+)*)")


class KnownStep(BaseModel):
    """A step that a plan has, or will have when messages before are handed over."""

    number: int
    title: str
    goal_index: int
    ticked: bool = False
    gives: list[Gives] = Field(default_factory=list)


def known_step(step: PlanStep | StepRecord) -> KnownStep:
    """Return what messages may know of a step."""
    return KnownStep(
        number=step.number,
        title=step.title,
        goal_index=step.goal_index,
        ticked=step.ticked,
        gives=step.gives,
    )


def parse_additions(text: str, known: Sequence[KnownStep]) -> Plan | None:
    """Return the steps and goals that a message adds; None where it holds no checklist item.

    INVALID_PLAN, PLAN_CYCLE; lines are counted in the message.
    """
    if not _ITEM.search(text):
        return None
    if not known:
        raise AdjutantError(
            "CONCURRENT_CHANGE",
            "The task's plan is not made yet; send the message again in a moment.",
            retry_after_s=2.0,
        )
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
    return Plan(title=plan.title, goals=plan.goals[goals:], steps=steps)


def _known_text(known: Sequence[KnownStep]) -> str:
    """Return a plan whose items have the numbers, titles and goals of what is known."""
    lines: list[str] = []
    number, goal = 1, -1
    for step in sorted(known, key=lambda step: step.number):
        if step.goal_index != goal:
            goal = step.goal_index
            lines += [f"# {goal}", ""]
        lines += [f"- [x] {_GAP}{gap}" for gap in range(number, step.number)]
        lines += _item(step)
        number = step.number + 1
    return "\n".join([*lines, "", "# More", "", ""])


def _item(step: KnownStep) -> list[str]:
    if step.ticked:
        return [f"- [x] {step.title}"]
    gives = ", ".join(f"{given.name} {given.type.lower()}" for given in step.gives)
    return [f"- [ ] {step.title}", "  run: true", *([f"  gives: {gives}"] if gives else [])]


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
