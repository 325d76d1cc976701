"""What a job's shim and the service know of each other: one folder per run, on disk.

The shim and the service never talk; each writes files that the other reads, so
that either may die and come back at any moment, and any replica of the service may
take over:

    spec.json        what to run; written by the service before anything else
    shim.lock        locked by the shim as long as it lives
    started.json     the job's process; whoever finds it never starts the job again
    output.log       what the job printed
    heartbeat.json   what the job does, every few seconds
    exit.json        how it ended; written when its whole process tree is gone
    cancel           asks the shim to end the job, and says why
    doorbell.*       FIFOs: the shim wakes the service; each replica that listens has its own
    control          a FIFO: the service wakes the shim

What the job says of itself lies beside them; see job_words.

The shim imports this module, so it imports little.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from services.agent_runner.adapters import whole_files
from services.agent_runner.adapters.whole_files import PRIVATE_FILE

_DOORBELL = "doorbell."

STATE_CHANGED = b"s"
"""Rings that the job started, beat or ended."""
PRINTED = b"p"
"""Rings that the job printed something."""


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a shim runs."""

    argv: list[str]
    """The command and its arguments; the first is looked up in the job's PATH."""
    verify_argv: list[str]
    """What must succeed after the command; empty for nothing."""
    env: dict[str, str]
    """The whole environment of the job; nothing is inherited."""
    working_directory: str
    """An absolute path."""
    timeout_s: float
    """Bounds the command and its verification together."""
    grace_s: float
    """How long the job has between SIGTERM and SIGKILL."""
    max_output_bytes: int
    """How much output is kept; the rest is counted and dropped."""
    heartbeat_interval_s: float


@dataclass(frozen=True, slots=True)
class JobStart:
    """The job's process, as it was started."""

    pid: int
    process_group: int
    time_s: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class JobHeartbeat:
    """What a job does, as its shim sees it."""

    time_s: float
    """When this was written, in seconds since the epoch."""
    output_time_s: float
    """When the job last printed something; when it was started, before that."""
    output_bytes: int
    """How much it printed, with what was dropped."""
    cpu_time_s: float
    """Processor time of all its processes, those that ended too."""
    repeats: int
    """How many times in a row its last lines said the same."""


@dataclass(frozen=True, slots=True)
class JobExit:
    """How a job ended."""

    reason: str
    """`ended` by itself, `timeout`, `terminated` with the machine, or what `cancel` said."""
    exit_code: int | None
    """The command's; absent where a signal ended it, or the shim did."""
    signal: int | None
    """The signal that ended the command by itself."""
    verify_exit_code: int | None
    """The verification's; absent where it was not run. A signal counts as 128 + its number."""
    output_bytes: int
    """How much output was kept."""
    dropped_bytes: int
    """How much output was beyond the bound."""
    time_s: float
    """When none of its processes was left, in seconds since the epoch."""


class JobFolder:
    """The files of one job. Reading gives None for what is not there yet."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.output_path = os.path.join(path, "output.log")
        self.control_path = os.path.join(path, "control")
        self.cancel_path = os.path.join(path, "cancel")
        self.shim_log_path = os.path.join(path, "shim.log")

    def create(self, spec: JobSpec) -> JobSpec:
        """Lay the folder out and return its spec: the first one stays, for its job may run.

        FileNotFoundError where the folder was removed: it is never made here, or a service that
        was paused could start a job that has ended long ago.
        """
        _make_fifo(self.control_path)
        whole_files.write_first(self.path, "spec.json", asdict(spec))
        first = self.spec()
        assert first is not None
        return first

    def spec(self) -> JobSpec | None:
        """Read what to run."""
        found = self._read("spec.json")
        return JobSpec(**found) if found else None

    def start(self) -> JobStart | None:
        """Read which process it is, once it was started."""
        found = self._read("started.json")
        return JobStart(**found) if found else None

    def write_start(self, start: JobStart) -> None:
        """Record that the job is started; before its first instruction runs."""
        self._write("started.json", asdict(start))

    def heartbeat(self) -> JobHeartbeat | None:
        """Read the last heartbeat."""
        found = self._read("heartbeat.json")
        return JobHeartbeat(**found) if found else None

    def write_heartbeat(self, heartbeat: JobHeartbeat) -> None:
        """Record what the job does."""
        self._write("heartbeat.json", asdict(heartbeat))

    def doorbell_of(self, listener: str) -> str:
        """Return where one replica is woken."""
        return os.path.join(self.path, _DOORBELL + listener)

    def open_doorbell(self, listener: str) -> int:
        """Open the FIFO by which a replica is woken, making it where it is missing."""
        path = self.doorbell_of(listener)
        _make_fifo(path)
        return open_fifo(path)

    def ring_doorbells(self, what: bytes) -> None:
        """Wake every replica that listens."""
        for name in whole_files.names(self.path, _DOORBELL):
            ring(os.path.join(self.path, name), what)

    def exit(self) -> JobExit | None:
        """Read how it ended, once nothing of it is left."""
        found = self._read("exit.json")
        return JobExit(**found) if found else None

    def write_exit(self, job_exit: JobExit) -> None:
        """Record how the job ended; after the last of its processes is gone."""
        self._write("exit.json", asdict(job_exit))

    def request_end(self, reason: str) -> None:
        """Ask the shim to end the job, and wake it. The first reason stays."""
        try:
            with open(self.cancel_path, "x") as file:
                file.write(reason)
        except FileExistsError:
            pass
        ring(self.control_path, STATE_CHANGED)

    def end_request(self) -> str:
        """Read why somebody asked for the end; empty where nobody did."""
        try:
            with open(self.cancel_path) as file:
                return file.read() or "cancelled"
        except FileNotFoundError:
            return ""

    def lock(self) -> int | None:
        """Lock the folder for this process's life; None where another shim holds it."""
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return descriptor

    def shim_lives(self) -> bool:
        """Whether a shim holds the lock.

        Ask only once started.json is there: asking takes the lock for a moment,
        and a shim that is about to start would take that for another shim.
        """
        descriptor = self.lock()
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    @property
    def _lock_path(self) -> str:
        return os.path.join(self.path, "shim.lock")

    def _read(self, name: str) -> dict[str, Any] | None:
        return whole_files.read(self.path, name)

    def _write(self, name: str, value: dict[str, Any]) -> None:
        whole_files.write(self.path, name, value)


def _make_fifo(path: str) -> None:
    with suppress(FileExistsError):
        os.mkfifo(path, PRIVATE_FILE)


def open_fifo(path: str) -> int:
    """Open a FIFO without waiting for its other end, and without ever seeing it closed."""
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


def ring(path: str, what: bytes) -> None:
    """Wake whoever waits at a FIFO. A full or missing one changes nothing: the truth is on disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:  # nobody waits there, or it is gone with its run
        return
    try:
        os.write(descriptor, what)
    except BlockingIOError:
        pass
    finally:
        os.close(descriptor)
