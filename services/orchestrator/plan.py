"""Plans as Markdown checklists: the grammar is in docs/plans.md.

Parsing either returns a whole plan or raises INVALID_PLAN with every line
that is wrong, PLAN_CYCLE with the cycle, or PLAN_REQUIRED.
"""

import graphlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from services.mesh.errors import AdjutantError, Violation

MAX_STEPS: Final = 500
KEYS: Final = ("agent", "run", "after", "timeout", "verify", "breaking")
DEFAULT_AGENT: Final = "command"
_MARKS = re.compile(r"^(#+|[-*+]|\d+[.)])\s+(\[[ xX]\]\s+)?")
"""What stands before the words of a heading or an item."""
_BOX = re.compile(r"^\[(?P<tick>[ xX])\]\s+(?P<title>.*\S)\s*$")
_KEY = re.compile(r"^(?P<key>[a-z][a-z_-]*):(?:\s+(?P<value>.*))?$")
_DURATION = re.compile(r"^(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s?)?$")


@dataclass
class PlanStep:
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
    breaking: bool = False
    """Whether it breaks what others rely on."""
    after: list[int] = field(default_factory=list)
    """Numbers of the steps that must succeed before."""


@dataclass
class Plan:
    """A plan that was understood."""

    title: str
    goals: list[str]
    steps: list[PlanStep]
    """In the order of the text."""


@dataclass
class _Item:
    """A checklist item as it stands in the text, before its references are looked up."""

    step: PlanStep
    parent: "_Item | None"
    children: list["_Item"] = field(default_factory=list)
    after_text: str = ""
    after_line: int = 0

    @property
    def is_group(self) -> bool:
        """Whether it only holds others and runs nothing itself."""
        return bool(self.children) and not self.step.command_line

    def members(self) -> Iterator["_Item"]:
        """Yield whatever runs when this item is meant."""
        if not self.is_group:
            yield self
        for child in self.children:
            yield from child.members()


def parse_plan(text: str, title: str = "") -> Plan:
    """Understand a plan. INVALID_PLAN, PLAN_CYCLE, PLAN_REQUIRED."""
    reader = _Reader()
    reader.read(SyntaxTreeNode(MarkdownIt("commonmark").parse(text)))
    if not reader.items:
        raise AdjutantError(
            "PLAN_REQUIRED",
            "The text holds no checklist item, and no language model is configured to make a "
            "plan of it. Write steps as in docs/plans.md: `- [ ] title`, `run: …` below it.",
            field="instructions",
        )
    reader.check()
    reader.connect()
    _raise(sorted(reader.violations, key=lambda violation: int(violation.field.split(":")[1])))
    steps = [item.step for item in reader.items if not item.is_group]
    _refuse_cycles(steps)
    return _assemble(reader, steps, title, text)


def topological(after: dict[int, list[int]]) -> list[int]:
    """Return step numbers in an order in which each comes after what it needs; stable."""
    sorter = graphlib.TopologicalSorter(after)
    sorter.prepare()
    order: list[int] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready())
        order += ready
        sorter.done(*ready)
    return order


class _Reader:
    """Walks the Markdown and gathers headings, items and what is wrong with them."""

    def __init__(self) -> None:
        self.headings: list[tuple[int, str]] = []
        self.items: list[_Item] = []
        self.goal_of: list[int] = []
        self.violations: list[Violation] = []

    def read(self, node: SyntaxTreeNode, parent: _Item | None = None) -> None:
        """Take in a node and all below it."""
        for child in node.children:
            if child.type == "heading":
                self.headings.append((int(child.tag[1]), _text(child)))
            elif child.type == "list_item":
                self.read(child, self._item(child, parent) or parent)
            elif child.type in ("fence", "code_block") and parent:
                self._set(parent, "run", child.content.rstrip("\n"), _line(child))
            else:
                self.read(child, parent)

    def check(self) -> None:
        """Note items that cannot be run."""
        if len(self.items) > MAX_STEPS:
            self.problem(1, f"a plan has at most {MAX_STEPS} steps; split this one")
        for item in self.items:
            step = item.step
            runs_nothing = step.agent == DEFAULT_AGENT and not step.command_line
            if runs_nothing and not item.children and not step.ticked:
                self.problem(step.line, f"step {step.title!r} has no `run:` line")
            if item.is_group and (step.verify_command or step.timeout_s):
                self.problem(step.line, f"{step.title!r} runs nothing, so `run:` is missing")

    def connect(self) -> None:
        """Find out what each step comes after."""
        for item in self.items:
            item.step.after = sorted(self._before(item))

    def problem(self, line: int, description: str) -> None:
        """Note what is wrong with a line."""
        self.violations.append(Violation(f"instructions:{line}", f"line {line}: {description}"))

    def _item(self, node: SyntaxTreeNode, parent: _Item | None) -> _Item | None:
        paragraph = node.children[0] if node.children else None
        if paragraph is None or paragraph.type != "paragraph":
            return None
        first, *rest = paragraph.children[0].content.split("\n")
        box = _BOX.match(first)
        if not box:
            return None
        line = _line(paragraph)
        goal = len(self.headings)
        ticked = box["tick"] != " "
        item = _Item(PlanStep(len(self.items) + 1, box["title"], goal, line, ticked), parent)
        self.items.append(item)
        if parent:
            parent.children.append(item)
        for offset, text in enumerate(rest, 1):
            self._key_line(item, text.strip(), line + offset)
        return item

    def _key_line(self, item: _Item, text: str, line: int) -> None:
        found = _KEY.match(text)
        if not found:
            return
        key, value = found["key"], (found["value"] or "").strip()
        if key not in KEYS:
            self.problem(line, f"{key!r} is no key; the keys are {', '.join(KEYS)}")
        elif not value and key != "run":
            self.problem(line, f"`{key}:` has no value")
        elif value:
            self._set(item, key, value, line)

    def _set(self, item: _Item, key: str, value: str, line: int) -> None:
        step = item.step
        if key == "run":
            if step.command_line:
                self.problem(line, f"step {step.title!r} has a command already")
            step.command_line = value
        elif key == "timeout":
            step.timeout_s = self._seconds(value, line)
        elif key == "breaking":
            if value.lower() not in ("yes", "no"):
                self.problem(line, f"{value!r} does not say whether it breaks; write yes or no")
            step.breaking = value.lower() == "yes"
        elif key == "after":
            item.after_text, item.after_line = value, line
        else:
            setattr(step, {"agent": "agent", "verify": "verify_command"}[key], value)

    def _seconds(self, value: str, line: int) -> int | None:
        found = _DURATION.match(value)
        hours, minutes, seconds = (
            (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
        )
        total = hours * 3600 + minutes * 60 + seconds
        if not total or total > 7 * 86400:
            self.problem(line, f"{value!r} is no duration; write 90s, 5m or 1h30m, at most 7 days")
            return None
        return total

    def _before(self, item: _Item) -> set[int]:
        if item.after_text:
            before = {m.step.number for other in self._named(item) for m in other.members()}
        elif item.parent is None:
            before = self._goal_before(item.step.goal_index)
        else:
            before = set()
        parent = item.parent
        if parent is None:
            return before
        return before | (self._before(parent) if parent.is_group else {parent.step.number})

    def _goal_before(self, goal: int) -> set[int]:
        earlier = [i for i in self.items if i.step.goal_index < goal and not i.is_group]
        if not earlier:
            return set()
        nearest = max(i.step.goal_index for i in earlier)
        return {i.step.number for i in earlier if i.step.goal_index == nearest}

    def _named(self, item: _Item) -> list[_Item]:
        # A title may itself hold commas.
        whole = self._find(item.after_text)
        names = [item.after_text] if whole else item.after_text.split(",")
        found = []
        for name in names:
            other = self._find(name.strip())
            if other is None:
                known = ", ".join(f"{i.step.number} {i.step.title!r}" for i in self.items[:10])
                problem = f"`after:` names {name.strip()!r}, which is no step; there are {known}"
                self.problem(item.after_line, problem)
            elif other is item:
                self.problem(item.after_line, f"step {item.step.title!r} waits for itself")
            else:
                found.append(other)
        return found

    def _find(self, name: str) -> _Item | None:
        if name.isdigit():
            return next((i for i in self.items if i.step.number == int(name)), None)
        named = [i for i in self.items if i.step.title.casefold() == name.casefold()]
        if len(named) > 1:
            lines = ", ".join(str(i.step.line) for i in named)
            self.problem(named[1].step.line, f"{name!r} is on lines {lines}; use the number")
        return named[0] if named else None


def _assemble(reader: _Reader, steps: list[PlanStep], title: str, text: str) -> Plan:
    """Make goals of the headings that have steps; a lone first heading is the title."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    headings = reader.headings
    levels = [level for level, _ in headings]
    named = bool(headings) and levels.count(levels[0]) == 1 and levels[0] == min(levels)
    title = title or (headings[0][1] if named else "") or _MARKS.sub("", first)
    used = sorted({step.goal_index for step in steps})
    goals = [headings[index - 1][1] if index else title for index in used]
    for step in steps:
        step.goal_index = used.index(step.goal_index)
    return Plan(title[:200], goals, steps)


def _refuse_cycles(steps: list[PlanStep]) -> None:
    try:
        topological({step.number: step.after for step in steps})
    except graphlib.CycleError as error:
        titles = {step.number: step.title for step in steps}
        cycle = " after ".join(f"{n} {titles[n]!r}" for n in reversed(error.args[1]))
        line = next(step.line for step in steps if step.number == error.args[1][0])
        raise AdjutantError(
            "PLAN_CYCLE",
            f"Steps wait for each other: {cycle}. Remove one of these `after:`.",
            violations=(Violation(f"instructions:{line}", cycle),),
        ) from error


def _raise(violations: list[Violation]) -> None:
    if violations:
        text = "; ".join(violation.description for violation in violations[:5])
        more = f"; and {len(violations) - 5} more" if len(violations) > 5 else ""
        raise AdjutantError(
            "INVALID_PLAN",
            f"The plan cannot be run: {text}{more}. The grammar is in docs/plans.md.",
            violations=tuple(violations),
        )


def _text(node: SyntaxTreeNode) -> str:
    return node.children[0].content.strip() if node.children else ""


def _line(node: SyntaxTreeNode) -> int:
    return (node.map or (0, 0))[0] + 1
