"""A plan that was understood: its steps, what they wait for, and what they hand to each other."""

import graphlib
from collections.abc import Iterable, Mapping
from typing import Final

from pydantic import BaseModel, Field

from services.orchestrator.plans.numbers import Numbers

MAX_STEPS: Final = 1000
"""Steps to run that a plan may have; those that it has ticked off do not count."""
MAX_ITEMS: Final = 2000
"""Checklist items that a plan may have, with those that are ticked off."""
DEFAULT_AGENT: Final = "command"
RESULT_TYPES: Final = ("text", "integer", "number", "boolean", "file")


class Gives(BaseModel):
    """A result that a step gives."""

    name: str
    type: str
    """A name of the contract's ResultType without its prefix."""


class Takes(BaseModel):
    """A result that a step takes."""

    name: str
    step: int
    """Number of the step that gives it."""


class PlanStep(BaseModel):
    """One item of a plan."""

    number: int
    """Position among the plan's checklist items, from 1."""
    title: str
    goal_index: int
    line: int
    """Line of the item in the text, from 1."""
    ticked: bool
    """Whether the plan has it ticked off; it is not run and counts as done."""
    agent: str = DEFAULT_AGENT
    command_line: str = ""
    verify_command: str = ""
    timeout_s: int | None = None
    retry_limit: int = 0
    """How often it is tried again, whatever the failure; 0 where the plan does not say."""
    breaking: bool = False
    """Whether it breaks what others rely on."""
    after: Numbers = Field(default_factory=list)
    """Numbers of the steps that must succeed before: without those that are ticked off, which
    hold nobody up, and with those that it takes results from."""
    gives: list[Gives] = Field(default_factory=list)
    takes: list[Takes] = Field(default_factory=list)


class Plan(BaseModel):
    """A plan that was understood."""

    title: str
    goals: list[str]
    steps: list[PlanStep]
    """In the order of the text."""


def topological(after: Mapping[int, Iterable[int]]) -> list[int]:
    """Return step numbers in an order in which each comes after what it needs; stable."""
    sorter = graphlib.TopologicalSorter(after)
    sorter.prepare()
    order: list[int] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order
