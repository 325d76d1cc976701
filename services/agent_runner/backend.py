"""The port behind which jobs run: start one, see how it stands, end it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from services.agent_runner.adapters.job_folder import JobExit, JobHeartbeat, JobSpec, JobStart

if TYPE_CHECKING:
    import asyncio

__all__ = [
    "Backend",
    "JobExit",
    "JobHeartbeat",
    "JobPhase",
    "JobSpec",
    "JobStart",
    "JobStatus",
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
    """Runs jobs that outlive this process. A job's id is its run's."""

    def prepare(self, job_id: str, job: JobSpec) -> None:
        """Lay a job down, so that it may be started from now on. The first spec stays."""

    async def start(self, job_id: str) -> None:
        """Start a prepared job at most once, and return when it runs or has ended.

        Asking again is harmless. Raises SpawnError, and then it will not start later either.
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

    def read_output(self, job_id: str, offset_bytes: int, limit_bytes: int) -> OutputPiece | None:
        """Read what a job printed; None where its output is not kept here (any more)."""

    async def remove(self, job_id: str) -> None:
        """Forget a job that has ended, with all that it left."""

    def jobs(self) -> list[str]:
        """List the jobs that something is known of."""

    async def close(self) -> None:
        """Let go of everything; jobs go on."""
