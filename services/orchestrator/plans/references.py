"""What steps of a plan say of each other: `after:`, `takes:`, headings and nesting."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.orchestrator.plans.plan import PlanStep, Takes

Problem = Callable[[int, str], None]
"""Notes what is wrong with a line."""
_TAKES: Final = re.compile(r"^(?P<name>\S+)\s+from\s+(?P<step>.*\S)$")
_NEXT_TAKES: Final = re.compile(r",\s*(?=\S+\s+from\s)")


@dataclass
class Item:
    """A checklist item as it stands in the text, before its references are looked up."""

    step: PlanStep
    parent: "Item | None"
    children: list["Item"] = field(default_factory=list)
    after_text: str = ""
    after_line: int = 0
    takes_text: str = ""
    takes_line: int = 0

    @property
    def is_group(self) -> bool:
        """Whether it only holds others and runs nothing itself."""
        return bool(self.children) and not self.step.command_line

    def members(self) -> Iterator["Item"]:
        """Yield whatever runs when this item is meant."""
        if not self.is_group:
            yield self
        for child in self.children:
            yield from child.members()


class References:
    """Looks up which steps are meant."""

    def __init__(self, items: Sequence[Item], problem: Problem) -> None:
        self._items = items
        self._problem = problem
        self._by_number = {item.step.number: item for item in items}
        self._by_title: dict[str, list[Item]] = {}
        self._by_goal: dict[int, set[int]] = {}
        for item in items:
            self._by_title.setdefault(item.step.title.casefold(), []).append(item)
            if not item.is_group:
                self._by_goal.setdefault(item.step.goal_index, set()).add(item.step.number)
        self._goals = sorted(self._by_goal)

    def connect(self) -> None:
        """Find out what each step comes after, and what it takes."""
        for item in self._items:
            item.step.takes = self._taken(item)
            before = self._before(item) | {taken.step for taken in item.step.takes}
            item.step.after = sorted(before)

    def _before(self, item: Item) -> set[int]:
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
        nearest = max((index for index in self._goals if index < goal), default=None)
        return set() if nearest is None else self._by_goal[nearest]

    def _named(self, item: Item) -> list[Item]:
        # A title may itself hold commas.
        whole = self._find(item.after_text)
        names = [item.after_text] if whole else item.after_text.split(",")
        found = []
        for name in names:
            other = self._other(item, name.strip(), "after", item.after_line)
            if other is not None:
                found.append(other)
        return found

    def _taken(self, item: Item) -> list[Takes]:
        found: list[Takes] = []
        for text in _NEXT_TAKES.split(item.takes_text) if item.takes_text else ():
            taken = self._take(item, text.strip())
            if taken is None:
                continue
            if any(other.name == taken.name for other in found):
                self._problem(item.takes_line, f"{taken.name!r} is taken twice")
            found.append(taken)
        return found

    def _take(self, item: Item, text: str) -> Takes | None:
        line = item.takes_line
        words = _TAKES.match(text)
        if words is None:
            self._problem(line, f"{text!r} takes nothing; write `takes: version from build`")
            return None
        name, other = words["name"], self._other(item, words["step"], "takes", line)
        if other is None:
            return None
        given = [result.name for result in other.step.gives]
        if other.step.ticked:
            self._problem(line, f"step {other.step.title!r} is ticked off and gives nothing")
        elif name not in given:
            names = ", ".join(given) or "nothing"
            self._problem(line, f"step {other.step.title!r} gives no {name!r}; it gives {names}")
        else:
            return Takes(name=name, step=other.step.number)
        return None

    def _other(self, item: Item, name: str, key: str, line: int) -> Item | None:
        other = self._find(name)
        if other is None:
            known = ", ".join(f"{i.step.number} {i.step.title!r}" for i in self._items[:10])
            problem = f"`{key}:` names {name!r}, which is no step; there are {known}"
            self._problem(line, problem)
            return None
        if other is item:
            self._problem(line, f"step {item.step.title!r} waits for itself")
            return None
        return other

    def _find(self, name: str) -> Item | None:
        if name.isdigit():
            return self._by_number.get(int(name))
        named = self._by_title.get(name.casefold(), [])
        if len(named) > 1:
            lines = ", ".join(str(i.step.line) for i in named)
            self._problem(named[1].step.line, f"{name!r} is on lines {lines}; use the number")
        return named[0] if named else None
