"""What is asked of every system: workflows of three durable steps, one after the other."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

STEPS = 3
NOTHING = ("",) * STEPS
"""Steps without a process: a function that returns at once; with us, items ticked off."""
PROCESSES = ("true",) * STEPS
"""Steps that each run `sh -c true` and wait for its end."""

Steps = Sequence[str]
"""The command line of each step, run by `sh -c`; empty for none."""


class System(Protocol):
    """A system that runs workflows, as processes of its own."""

    async def start(self, name: str, steps: Steps) -> None:
        """Start a workflow; returns when it is accepted."""

    async def ended(self, name: str) -> None:
        """Wait until a workflow has completed; RuntimeError where it ends otherwise."""

    async def run(self, name: str, steps: Steps) -> None:
        """Start a workflow and wait until it has completed."""

    async def kill(self, victim: str) -> float:
        """End a process with SIGKILL, which is started again at once; when that was."""


@dataclass(frozen=True)
class Contender:
    """A system to be measured."""

    name: str
    """What it is called in the table."""
    note: str
    """What a reader must know to compare it: what is on disk when a step counts as done."""
    open: Callable[[], contextlib.AbstractAsyncContextManager[System]]
    """Installs and starts it for a block; AbsentError where that cannot be."""
    victims: tuple[str, ...]
    """Its processes whose loss is measured."""
    synced: bool
    """Whether a recorded step is on disk; else it is with the system, which a power cut loses."""
    pause_s: float = 0.5
    """Seconds between two kills, in which the last steps' processes end too."""
    ours: bool = False

    @property
    def notes(self) -> tuple[str, ...]:
        """The note, as it stands below the table."""
        return (f"{self.name}: {self.note}",)

    def comparable(self, others: Sequence["Contender"]) -> list["Contender"]:
        """Return whom ours is set beside: all, but only who is on disk where ours is too."""
        return [
            other
            for other in others
            if self.ours and not other.ours and (other.synced or not self.synced)
        ]
