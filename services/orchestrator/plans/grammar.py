"""Plans as Markdown checklists: the grammar is in docs/plans.md.

Parsing either returns a whole plan or raises INVALID_PLAN with every line
that is wrong, PLAN_CYCLE with the cycle, or PLAN_REQUIRED.
"""

import graphlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from services.mesh.errors import AdjutantError, Violation
from services.orchestrator.plans.plan import (
    DEFAULT_AGENT,
    MAX_ITEMS,
    MAX_STEPS,
    RESULT_TYPES,
    Gives,
    Plan,
    PlanStep,
    topological,
)
from services.orchestrator.plans.references import Item, References

MAX_RETRIES: Final = 20
MAX_RESULTS: Final = 100
_MARKS = re.compile(r"^(#+|[-*+]|\d+[.)])\s+(\[[ xX]\]\s+)?")
"""What stands before the words of a heading or an item."""
_BOX = re.compile(r"^\[(?P<tick>[ xX])\]\s+(?P<title>.*\S)\s*$")
_KEY = re.compile(r"^(?P<key>[a-z][a-z_-]*):(?:\s+(?P<value>.*))?$")
_RESULT = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_DURATION = re.compile(r"^(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+)s?)?$")


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
    References(reader.items, reader.problem).connect()
    _raise(sorted(reader.violations, key=lambda violation: int(violation.field.split(":")[1])))
    steps = [item.step for item in reader.items if not item.is_group]
    _refuse_cycles(steps)
    _leave_out_what_is_done(steps)
    return _assemble(reader, steps, title, text)


class _Reader:
    """Walks the Markdown and gathers headings, items and what is wrong with them."""

    def __init__(self) -> None:
        self.headings: list[tuple[int, str]] = []
        self.items: list[Item] = []
        self.goal_of: list[int] = []
        self.violations: list[Violation] = []

    def read(self, node: SyntaxTreeNode, parent: Item | None = None) -> None:
        """Take in a node and all below it."""
        for child in node.children:
            if child.type == "heading":
                self.headings.append((int(child.tag[1]), _text(child)))
            elif child.type == "list_item":
                self.read(child, self._item(child, parent) or parent)
            elif child.type in ("fence", "code_block") and parent:
                self.set_run(parent, child.content.rstrip("\n"), _line(child))
            else:
                self.read(child, parent)

    def check(self) -> None:
        """Note items that cannot be run."""
        if sum(not item.step.ticked for item in self.items) > MAX_STEPS:
            self.problem(1, f"a plan has at most {MAX_STEPS} steps to run; split this one")
        if len(self.items) > MAX_ITEMS:
            self.problem(1, f"a plan has at most {MAX_ITEMS} items; split this one")
        for item in self.items:
            step = item.step
            runs_nothing = step.agent == DEFAULT_AGENT and not step.command_line
            if runs_nothing and not item.children and not step.ticked:
                self.problem(step.line, f"step {step.title!r} has no `run:` line")
            has_run_keys = step.verify_command or step.timeout_s or step.retry_limit
            if item.is_group and (has_run_keys or step.gives or item.takes_text):
                self.problem(step.line, f"{step.title!r} runs nothing, so `run:` is missing")

    def problem(self, line: int, description: str) -> None:
        """Note what is wrong with a line."""
        self.violations.append(Violation(f"instructions:{line}", f"line {line}: {description}"))

    def _item(self, node: SyntaxTreeNode, parent: Item | None) -> Item | None:
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
        step = PlanStep(
            number=len(self.items) + 1,
            title=box["title"],
            goal_index=goal,
            line=line,
            ticked=ticked,
        )
        item = Item(step, parent)
        self.items.append(item)
        if parent:
            parent.children.append(item)
        for offset, text in enumerate(rest, 1):
            self._key_line(item, text.strip(), line + offset)
        return item

    def _key_line(self, item: Item, text: str, line: int) -> None:
        found = _KEY.match(text)
        if not found:
            return
        key, value = found["key"], (found["value"] or "").strip()
        if key not in KEYS:
            self.problem(line, f"{key!r} is no key; the keys are {', '.join(KEYS)}")
        elif not value and key != "run":
            self.problem(line, f"`{key}:` has no value")
        elif value:
            _SETTERS[key](self, item, value, line)

    def set_run(self, item: Item, value: str, line: int) -> None:
        """Take `run:`, or a fenced block."""
        if item.step.command_line:
            self.problem(line, f"step {item.step.title!r} has a command already")
        item.step.command_line = value

    def set_agent(self, item: Item, value: str, line: int) -> None:
        """Take `agent:`."""
        item.step.agent = value

    def set_verify(self, item: Item, value: str, line: int) -> None:
        """Take `verify:`."""
        item.step.verify_command = value

    def set_timeout(self, item: Item, value: str, line: int) -> None:
        """Take `timeout:`."""
        item.step.timeout_s = self._seconds(value, line)

    def set_after(self, item: Item, value: str, line: int) -> None:
        """Take `after:`, to be looked up when all items are known."""
        item.after_text, item.after_line = value, line

    def set_takes(self, item: Item, value: str, line: int) -> None:
        """Take `takes:`, likewise."""
        item.takes_text, item.takes_line = value, line

    def set_retry(self, item: Item, value: str, line: int) -> None:
        """Take `retry:`."""
        if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MAX_RETRIES):
            self.problem(line, f"{value!r} is no number of retries; write 1 to {MAX_RETRIES}")
            return
        item.step.retry_limit = int(value)

    def set_breaking(self, item: Item, value: str, line: int) -> None:
        """Take `breaking:`."""
        if value.lower() not in ("yes", "no"):
            self.problem(line, f"{value!r} does not say whether it breaks; write yes or no")
        item.step.breaking = value.lower() == "yes"

    def set_gives(self, item: Item, value: str, line: int) -> None:
        """Take `gives:`."""
        for text in value.split(","):
            given = self._given(text.strip(), line)
            if given is None:
                continue
            if any(other.name == given.name for other in item.step.gives):
                self.problem(line, f"{given.name!r} is given twice")
            item.step.gives.append(given)
        if len(item.step.gives) > MAX_RESULTS:
            self.problem(line, f"a step gives at most {MAX_RESULTS} results")

    def _given(self, text: str, line: int) -> Gives | None:
        name, _, kind = (part.strip() for part in text.partition(" "))
        if not _RESULT.fullmatch(name):
            self.problem(
                line,
                f"{name!r} names no result; use up to 40 of a-z, 0-9, - and _, a letter first",
            )
        elif kind not in RESULT_TYPES:
            types = ", ".join(RESULT_TYPES)
            self.problem(line, f"{kind!r} is no type; write `gives: {name} text`, or of {types}")
        else:
            return Gives(name=name, type=kind.upper())
        return None

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


_SETTERS: Final[Mapping[str, Callable[[_Reader, Item, str, int], None]]] = {
    "agent": _Reader.set_agent,
    "run": _Reader.set_run,
    "after": _Reader.set_after,
    "timeout": _Reader.set_timeout,
    "verify": _Reader.set_verify,
    "retry": _Reader.set_retry,
    "breaking": _Reader.set_breaking,
    "gives": _Reader.set_gives,
    "takes": _Reader.set_takes,
}
"""Key of a line below an item to what takes its value."""
KEYS: Final = tuple(_SETTERS)


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
    return Plan(title=title[:200], goals=goals, steps=steps)


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


def _leave_out_what_is_done(steps: list[PlanStep]) -> None:
    ticked = {step.number for step in steps if step.ticked}
    for step in steps:
        step.after = [] if step.ticked else [n for n in step.after if n not in ticked]


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
