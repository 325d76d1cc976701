"""What a person sees while a task is followed: lines, and on a terminal a live picture below."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.cli.lines import event_line, frame_line, progress_words
from services.cli.render import plain, state, took

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console, RenderableType

    from adjutant_messages.adjutant.common.v1 import Step
    from adjutant_messages.adjutant.event.v1 import Event, EventFrame
    from adjutant_messages.adjutant.orchestrator.v1 import Task

_BAR_WIDTH: Final = 40
_OTHER_LINES: Final = 4
"""Lines of the terminal that the picture's steps leave: for its head, its end and what runs say."""
_REFRESHES_PER_SECOND: Final = 8


class Screen:
    """Shows one task; use it as a context manager. In a pipe it prints lines only."""

    def __init__(self, console: Console, task: Task) -> None:
        self._console = console
        self._task = task
        self._said: dict[str, str] = {}
        self._held: list[Text] | None = []
        self._live: Live | None = None

    def __enter__(self) -> Screen:
        self.resume()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held:
            self.resume()
        self.pause()

    def pause(self) -> None:
        """Take the picture away and hold new lines back, so that a person can read and type."""
        self._held = self._held or []
        if self._live:
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """Show the picture again, after what was held back."""
        held, self._held = self._held or [], None
        for line in held:
            self._print(line)
        if self._console.is_terminal and self._live is None:
            # A Live that is started again goes up by the height of its last picture, over lines
            # that were printed meanwhile; a new one begins where the cursor is.
            self._live = Live(
                console=self._console,
                get_renderable=self._picture,
                refresh_per_second=_REFRESHES_PER_SECOND,
                transient=True,
            )
            self._live.start()

    def label(self, run: str) -> str:
        """Return what a run is called in front of its lines: the number of its step."""
        for step in self._task.steps:
            if step.run == run:
                return str(step.number)
        return "git"

    def knows_all_steps(self) -> bool:
        """Tell whether the picture has every step that the plan is said to have."""
        progress = self._task.progress
        return progress is None or progress.step_count <= len(self._task.steps)

    def show(self, task: Task) -> None:
        """Show the task as it was read anew."""
        self._task = task

    def take(self, frame: EventFrame) -> None:
        """Show a frame."""
        if frame.event is not None:
            self._remember(frame.event)
        line = self._line(frame)
        # The picture shows states; in a pipe each change is a line.
        if line is not None and (not self._console.is_terminal or self._is_for_keeps(frame)):
            self._print(line)

    def print_output(self, run: str, line: str) -> None:
        """Show a line that a run printed."""
        self._print(Text.assemble((f"[{self.label(run)}] ", "dim"), plain(line)))

    def _print(self, line: Text) -> None:
        if self._held is None:
            self._console.print(line, soft_wrap=True)
        else:
            self._held.append(line)

    def _line(self, frame: EventFrame) -> Text | None:
        event = frame.event
        if event is None or "/runs/" not in event.resource:
            return frame_line(frame, with_resource=False)
        if event.run_progress is None:
            return None  # the line of its step tells how a run stands
        words = [word for word in progress_words(event.run_progress) if word]
        return event_line(event, [f"[{self.label(event.resource)}]", *words])

    @staticmethod
    def _is_for_keeps(frame: EventFrame) -> bool:
        event = frame.event
        if event is None:
            return True
        payloads = (event.approval_requested, event.approval_expiring, event.approval_resolved)
        return any(payload is not None for payload in payloads)

    def _remember(self, event: Event) -> None:
        if event.task_state_changed is not None:
            self._task.state = event.task_state_changed.state
        elif event.task_progress is not None:
            self._task.progress = event.task_progress.progress
        elif event.step_state_changed is not None and event.step_state_changed.step:
            self._put(event.step_state_changed.step)
        elif event.run_progress is not None:
            percent = event.run_progress.percent
            told = f"{percent:.0f} % " if percent is not None else ""
            self._said[event.resource] = told + event.run_progress.message

    def _put(self, step: Step) -> None:
        others = [known for known in self._task.steps if known.number != step.number]
        self._task.steps = sorted([*others, step], key=lambda known: known.number)

    def _picture(self) -> RenderableType:
        task = self._task
        ended = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELLED")
        done = sum(step.state.name in ended for step in task.steps)
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(len(task.steps), 1), completed=done, width=_BAR_WIDTH)
        head.add_row(
            Text(plain(task.title), "bold"), bar, f"{done}/{len(task.steps)}", state(_name(task))
        )
        steps = Table.grid(padding=(0, 2))
        now = datetime.datetime.now(datetime.UTC)
        shown = self._fitting(task.steps)
        for step in shown:
            end = now if step.state.name == "RUNNING" else step.end_time
            steps.add_row(
                f"  {step.number}",
                state(step.state.name or ""),
                took(step.start_time, end),
                plain(step.title),
                Text(plain(self._said.get(step.run, "")), "dim"),
            )
        hidden = len(task.steps) - len(shown)
        more = [Text(f"  … and {hidden} more: adjutant status", "dim")] if hidden else []
        return Group(head, steps, *more)

    def _fitting(self, steps: list[Step]) -> list[Step]:
        """Return the steps that the terminal has lines for: what runs first, what is done last."""
        room = max(self._console.height - _OTHER_LINES, 1)
        if len(steps) <= room:
            return steps
        order = ("RUNNING", "FAILED", "PENDING")
        rank = {state: place for place, state in enumerate(order)}
        urgent = sorted(steps, key=lambda step: rank.get(step.state.name or "", len(order)))
        return sorted(urgent[:room], key=lambda step: step.number)


def _name(task: Task) -> str:
    return task.state.name or ""
