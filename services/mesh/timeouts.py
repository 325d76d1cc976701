"""Ending what takes too long, where all of a kind may take equally long.

A timer of the event loop for each call costs more than most calls' own work. Here those who
came first are due first, so one timer for the first of them does for all.
"""

import asyncio
import itertools
from collections.abc import Callable
from typing import Final

_STEP_S: Final = 0.001


class Timeouts:
    """Calls back for whatever is not dropped within so many seconds."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        """Seconds that each may take."""
        self._due: dict[int, tuple[float, Callable[[], object]]] = {}
        self._keys = itertools.count()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, end: Callable[[], object]) -> int:
        """Call `end` in so many seconds; return what drops it."""
        loop = asyncio.get_running_loop()
        key = next(self._keys)
        due_at = loop.time() + self.limit_s
        self._due[key] = (due_at, end)
        if self._timer is None:
            self._timer = loop.call_at(due_at, self._fire, loop)
        return key

    def drop(self, key: int) -> None:
        """Let one go; it may have been ended already."""
        self._due.pop(key, None)

    def _fire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        # The clock of timers is coarse: what is due within its step is due now.
        present = loop.time() + _STEP_S
        for key, (due_at, end) in list(self._due.items()):
            if due_at > present:
                self._timer = loop.call_at(due_at, self._fire, loop)
                return
            del self._due[key]
            end()


class Ending:
    """The end of the current task's time."""

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._has_come = False

    def come(self) -> None:
        """Cancel the task."""
        assert self._task
        self._has_come = True
        self._task.cancel()

    @property
    def is_not_alone(self) -> bool:
        """Whether somebody else has cancelled the task; our own cancellation is taken back."""
        assert self._task
        return not self._has_come or self._task.uncancel() > 0
