"""The port behind which jobs run: start one, see how it stands, end it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.agent_runner.adapters.job_folder import (
    JobExit,
    JobHeartbeat,
    JobSpec,
    JobStart,
)
from services.agent_runner.adapters.job_words import JobWord, JobWords

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

__all__ = [
    "Backend",
    "JobExit",
    "JobHeartbeat",
    "JobPhase",
    "JobSpec",
    "JobStart",
    "JobStatus",
    "JobWord",
    "JobWords",
    "OutputPiece",
    "SpawnError",
]


class SpawnError(Exception):
    """A job could not be started, and may be tried again."""


class JobPhase(enum.Enum):
    """Where a job stands, as its backend sees it."""

    ABSENT = "absent"
    """Nothing is known of it."""
    PREPARED = "prepared"
    """It may be started; perhaps it is just about to run."""
    RUNNING = "running"
    """Something looks after it."""
    ENDED = "ended"
    """None of its processes is left, and how it ended is known."""
    LOST = "lost"
    """Nothing looks after it any more, and nothing tells how it ended."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The truth about a job at one moment."""

    phase: JobPhase
    start: JobStart | None = None
    heartbeat: JobHeartbeat | None = None
    exit: JobExit | None = None


@dataclass(frozen=True, slots=True)
class OutputPiece:
    """A piece of what a job printed."""

    data: bytes
    next_offset_bytes: int


class Backend(Protocol):
    """Runs jobs that outlive this process. A job's id is its run's.

    Replicas may do the same at the same time: a job is prepared once and started at most once.
    """

    def make_folder(self, job_id: str) -> Path:
        """Make the job's folder, where whoever prepares it may work."""

    def prepare(self, job_id: str, job: JobSpec) -> JobSpec:
        """Lay a job down in its folder, so that it may be started from now on.

        Returns the spec that holds: the first. FileNotFoundError where the job was removed.
        """

    def spec(self, job_id: str) -> JobSpec | None:
        """Return what a prepared job runs."""

    async def start(self, job_id: str) -> None:
        """Start a prepared job at most once, and return when it runs or has ended.

        Asking again is harmless. Raises SpawnError; `request_end` keeps it from starting later.
        """

    def status(self, job_id: str) -> JobStatus:
        """Look how a job stands; cheap, and true at this moment."""

    def next_change(self, job_id: str) -> asyncio.Event:
        """Give the event of the job's next change: take it first, then look, then wait for it.

        An event may be lost with the job's keeper, so wait with a limit and look again.
        """

    def next_output(self, job_id: str) -> asyncio.Event:
        """Give the event of the job's next output or change; as `next_change`."""

    def request_end(self, job_id: str, reason: str) -> None:
        """Ask for the end of a job; `status` tells when nothing of it is left.

        The reason comes back as JobExit.reason unless the job ends by itself first.
        """

    async def bury(self, job_id: str) -> int:
        """End what a LOST job may have left behind; returns how many processes that were."""

    def leave_word(self, job_id: str, word: JobWord) -> bool:
        """Keep what a job said until it is forgotten, and wake the replica that looks after it.

        False where nobody takes it any more.
        """

    def words(self, job_id: str) -> JobWords:
        """Return what a job said of itself."""

    def read_output(self, job_id: str, offset_bytes: int, limit_bytes: int) -> OutputPiece | None:
        """Read what a job printed; None where its output is not kept here (any more)."""

    async def remove(self, job_id: str) -> None:
        """Forget a job that has ended, with all that it left."""

    def forget_removed(self) -> None:
        """Stop listening to jobs that another replica has removed."""

    def jobs(self) -> list[str]:
        """List the jobs that something is known of."""

    async def close(self) -> None:
        """Let go of everything; jobs go on."""
