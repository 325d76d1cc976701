"""What steps do, so that a bench sees it whoever runs them: each appends lines to one file."""

import asyncio
import contextlib
import pathlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bench import harness

POLL_S = 0.002
"""How often the file is looked at; a line's time is right to about this."""


@dataclass(frozen=True)
class Line:
    """One line: a step of a workflow was begun, or done."""

    workflow: str
    step: int
    what: str


class Effects:
    """The file, and when each of its lines was seen."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path
        self._path.touch()
        self._rest = ""
        self.seen: list[tuple[float, Line]] = []
        self._changed = asyncio.Condition()

    @classmethod
    @contextlib.asynccontextmanager
    async def followed(cls, path: pathlib.Path) -> AsyncIterator["Effects"]:
        """Follow the file for the block."""
        effects = cls(path)
        following = asyncio.create_task(effects._follow())
        try:
            yield effects
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    def command(self, workflow: str, step: int, seconds: float) -> str:
        """Return what a step runs: it says that it begins, takes its time, says that it is done."""
        begun, done = (f"echo {workflow} {step} {what} >> {self._path}" for what in _WHAT)
        return f"{begun}; sleep {seconds:g}; {done}"

    async def until(self, reached: Callable[[], bool]) -> None:
        """Wait for what depends on the lines."""
        async with self._changed:
            await self._changed.wait_for(reached)

    def counts(self, what: str) -> Counter[tuple[str, int]]:
        """Return how often each step of each workflow was `begun` or `done`."""
        return Counter((line.workflow, line.step) for _, line in self.seen if line.what == what)

    def done_after(self, workflow: str, moment: float) -> float | None:
        """Return when the first step begun after a moment was done; None where there is none."""
        began: int | None = None
        for when, line in self.seen:
            if line.workflow != workflow or when <= moment:
                continue
            if began is None and line.what == "begun":
                began = line.step
            elif line.what == "done" and line.step == began:
                return when
        return None

    async def _follow(self) -> None:
        with self._path.open() as lines:
            while True:
                if new := lines.read():
                    await self._take(new)
                await asyncio.sleep(POLL_S)

    async def _take(self, new: str) -> None:
        now = harness.now_ms()
        *whole, self._rest = (self._rest + new).split("\n")
        async with self._changed:
            for workflow, step, what in (line.split() for line in whole):
                self.seen.append((now, Line(workflow, int(step), what)))
            self._changed.notify_all()


_WHAT = ("begun", "done")
