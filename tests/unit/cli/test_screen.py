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
