"""The live picture: it comes and goes without taking anything else away."""

import io
import re

from rich.console import Console

from adjutant_messages.adjutant.common.v1 import Step, StepState, TaskState
from adjutant_messages.adjutant.orchestrator.v1 import Task
from services.cli.screen import Screen

_TOKEN = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]|[\r\n]|[^\x1b\r\n]+")


def _on_a_terminal(written: str) -> list[str]:
    """Return the lines that a terminal shows after this was written to it."""
    lines, row = [""], 0
    for token in _TOKEN.findall(written):
        if token == "\n":
            row += 1
            lines.extend([""] * (row + 1 - len(lines)))
        elif token == "\x1b[1A":
            row = max(row - 1, 0)
        elif token == "\x1b[2K":
            lines[row] = ""
        elif token[0] not in "\x1b\r":
            lines[row] += token
    return [line.rstrip() for line in lines if line.strip()]


def _steps(count: int) -> list[Step]:
    return [Step(number=number + 1, state=StepState.PENDING) for number in range(count)]


def test_what_is_printed_while_the_picture_is_away_stays() -> None:
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=80, color_system=None)
    task = Task(title="A plan", state=TaskState.WAITING_FOR_USER, steps=_steps(4))
    asked = ["Commit 2 changed files", "  branch  b", "  files   a", "Approve? y"]
    with Screen(console, task) as screen:
        for _ in range(2):
            screen.pause()
            for line in asked:
                console.print(line)
            screen.print_output("run", "held back")
            screen.resume()
    assert _on_a_terminal(written.getvalue()) == [*asked, "[git] held back"] * 2


def test_what_runs_is_seen_also_where_a_plan_is_longer_than_the_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=10)
    steps = _steps(60)
    for step in steps[:40]:
        step.state = StepState.SUCCEEDED
    for step in steps[38:40]:
        step.state = StepState.RUNNING
    screen = Screen(console, Task(title="A plan", state=TaskState.WAITING_FOR_AGENT, steps=steps))
    console = Console(file=(shown := io.StringIO()), width=80)
    console.print(screen._picture())
    assert [line.split()[0] for line in shown.getvalue().splitlines()[1:-1]] == [
        *("39", "40", "41", "42", "43", "44")
    ]
    assert "… and 54 more: adjutant status" in shown.getvalue()
