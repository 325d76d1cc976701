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
    said.*           what the job said of itself to a replica that does not look after it
    doorbell.*       FIFOs: the shim wakes the service; each replica that listens has its own
    control          a FIFO: the service wakes the shim

The shim imports this module, so it imports little.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

_PRIVATE_FILE = 0o600
_DOORBELL = "doorbell."
_SAID = "said."

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
class JobWord:
    """What a job said of itself."""

    percent: float | None
    message: str
    cost: dict[str, Any] | None
    """An amount of money, by the names of its fields."""


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
        self._write_first("spec.json", asdict(spec))
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

    def leave_word(self, word: JobWord) -> None:
        """Leave what the job said for whoever looks after it, and wake them."""
        name = f"{_SAID}{time.time_ns()}.{os.getpid()}"
        unfinished = self._written_aside(name, asdict(word))
        os.rename(unfinished, os.path.join(self.path, name))
        self.ring_doorbells(STATE_CHANGED)

    def take_words(self) -> list[JobWord]:
        """Take what was left, in the order in which it was said; each once."""
        found = []
        for name in sorted(self._names(_SAID)):
            if (word := self._read(name)) is not None:
                found.append(JobWord(**word))
                os.unlink(os.path.join(self.path, name))
        return found

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
        for name in self._names(_DOORBELL):
            ring(os.path.join(self.path, name), what)

    def _names(self, prefix: str) -> list[str]:
        try:
            return [name for name in os.listdir(self.path) if name.startswith(prefix)]
        except FileNotFoundError:  # removed: nobody waits any more
            return []

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
        descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
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
        try:
            with open(os.path.join(self.path, name), "rb") as file:
                found: dict[str, Any] = json.load(file)
        except FileNotFoundError:
            return None
        return found

    def _write(self, name: str, value: dict[str, Any]) -> None:
        """Write a file that appears whole, over the one before. Each has one writer."""
        os.rename(self._written_aside(name, value), os.path.join(self.path, name))

    def _write_first(self, name: str, value: dict[str, Any]) -> None:
        """Write a file that appears whole, unless it is there: of several who do, one does."""
        unfinished = self._written_aside(name, value)
        with suppress(FileExistsError):
            os.link(unfinished, os.path.join(self.path, name))
        os.unlink(unfinished)

    def _written_aside(self, name: str, value: dict[str, Any]) -> str:
        # A name of its own: several may write the same at once, in one process and in others.
        unfinished = os.path.join(self.path, f"new.{name}.{secrets.token_hex(4)}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
        with os.fdopen(descriptor, "w") as file:
            json.dump(value, file)
        return unfinished


def _make_fifo(path: str) -> None:
    with suppress(FileExistsError):
        os.mkfifo(path, _PRIVATE_FILE)


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
