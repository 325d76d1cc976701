"""The shim: a small process that owns one job, outlives the service, and records all on disk.

It starts the job at most once, keeps what it prints, ends it when time is up or
somebody asks, and writes exit.json when nothing of the job is left. It is forked
by the spawner, so a job costs no interpreter start; for that it imports little.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback

from services.agent_runner.adapters import processes
from services.agent_runner.adapters.job_folder import (
    PRINTED,
    STATE_CHANGED,
    JobExit,
    JobFolder,
    JobHeartbeat,
    JobSpec,
    JobStart,
    open_fifo,
)
from services.agent_runner.adapters.output import OutputLog, RepeatCounter

_READ_BYTES = 65536
_BELL_INTERVAL_S = 0.02
_LEFTOVER_GRACE_S = 0.5
_KILL_INTERVAL_S = 0.02
_NOT_FOUND_EXIT_CODE = 127
_NOT_RUNNABLE_EXIT_CODE = 126


def main(path: str) -> None:
    """Own the job of one folder until nothing of it is left."""
    folder = JobFolder(path)
    _detach_streams(folder.shim_log_path)
    try:
        # The lock goes with the process: a closed descriptor would give it away.
        lock = folder.lock()
        spec = folder.spec()
        if lock is None or spec is None or folder.start() or folder.exit():
            return
        processes.set_process_name("adjutant-shim")
        processes.become_subreaper()
        _Shim(folder, spec).run()
    except BaseException:
        traceback.print_exc()
        raise


def _detach_streams(log_path: str) -> None:
    """Hold nothing of the service: whoever waits for its output to end must not wait for jobs."""
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.dup2(log, 2)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)


class _Shim:
    """One job, from its start to the end of its last process."""

    def __init__(self, folder: JobFolder, spec: JobSpec) -> None:
        self._folder = folder
        self._spec = spec
        self._deadline = time.monotonic() + spec.timeout_s
        self._output = OutputLog(folder.output_path, spec.max_output_bytes)
        self._repeats = RepeatCounter()
        self._control = open_fifo(folder.control_path)
        self._read_end, self._write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._wake = _wake_on_signals()
        self._statuses: dict[int, int] = {}
        self._group = 0
        self._reason = ""
        """Why the job is being ended; empty while it may go on."""
        self._terminated = False
        self._output_time_s = time.time()
        self._next_heartbeat = time.monotonic() + spec.heartbeat_interval_s
        self._next_bell = 0.0
        self._bell_due = False

    def run(self) -> None:
        """Run the command, then its verification, and record how that ended."""
        signal.signal(signal.SIGTERM, self._on_terminate)
        self._reason = self._folder.end_request()
        status = None if self._reason else self._run_command(self._spec.argv)
        verified = None
        if status == 0 and not self._reason and self._spec.verify_argv:
            verified = self._run_command(self._spec.verify_argv)
        self._output.close()
        self._record_exit(status, verified)
        self._folder.ring_doorbells(STATE_CHANGED)

    def _on_terminate(self, *_: object) -> None:
        self._terminated = True

    def _run_command(self, argv: list[str]) -> int | None:
        """Run one command and end what it leaves behind; None where it did not end by itself."""
        leader = self._launch(argv)
        while leader not in self._statuses and not self._reason:
            self._turn(self._spec.heartbeat_interval_s)
            self._reason = self._reason_to_end()
        ended_by_itself = leader in self._statuses
        if ended_by_itself:
            self._reason = ""
        self._end_tree(_LEFTOVER_GRACE_S if ended_by_itself else self._spec.grace_s)
        return self._statuses[leader] if ended_by_itself else None

    def _launch(self, argv: list[str]) -> int:
        """Fork the job; it waits until its start is on disk, so that it starts at most once."""
        gate_read, gate_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(gate_write)
            _become_job(self._spec, argv, gate_read, self._write_end)
        os.close(gate_read)
        self._group = pid
        if self._folder.start() is None:
            self._folder.write_start(JobStart(pid, pid, time.time()))
        os.write(gate_write, b"!")
        os.close(gate_write)
        self._folder.ring_doorbells(STATE_CHANGED)
        return pid

    def _turn(self, timeout_s: float) -> bool:
        """Wait for something to do and do it; tells whether any child is left."""
        now = time.monotonic()
        until = min(now + timeout_s, self._next_heartbeat)
        if not self._reason:
            until = min(until, self._deadline)
        if self._bell_due:
            until = min(until, self._next_bell)
        waiting = [self._read_end, self._control, self._wake]
        ready, _, _ = select.select(waiting, [], [], max(0.0, until - now))
        for descriptor in ready:
            data = _read(descriptor)
            if descriptor == self._read_end:
                self._take_output(data)
        self._ring_for_output()
        self._beat()
        return self._reap()

    def _take_output(self, data: bytes) -> None:
        self._output.write(data)
        self._repeats.feed(data)
        self._output_time_s = time.time()
        self._bell_due = True

    def _ring_for_output(self) -> None:
        now = time.monotonic()
        if self._bell_due and now >= self._next_bell:
            self._folder.ring_doorbells(PRINTED)
            self._bell_due = False
            self._next_bell = now + _BELL_INTERVAL_S

    def _reap(self) -> bool:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._statuses[pid] = os.waitstatus_to_exitcode(status)

    def _reason_to_end(self) -> str:
        if self._terminated:
            return "terminated"
        if reason := self._folder.end_request():
            return reason
        return "timeout" if time.monotonic() >= self._deadline else ""

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._next_heartbeat:
            return
        self._next_heartbeat = now + self._spec.heartbeat_interval_s
        own = os.times()
        cpu_time_s = own.children_user + own.children_system
        cpu_time_s += sum(row.cpu_time_s for row in processes.tree(os.getpid(), self._group))
        heartbeat = JobHeartbeat(
            time_s=time.time(),
            output_time_s=self._output_time_s,
            output_bytes=self._output.printed_bytes,
            cpu_time_s=cpu_time_s,
            repeats=self._repeats.repeats,
        )
        try:
            self._folder.write_heartbeat(heartbeat)
        except FileNotFoundError:  # somebody removed the folder: nobody will ever ask for this job
            self._terminated = True
        except OSError:  # a full disk must not end the job; the next beat may fit
            traceback.print_exc()
        self._folder.ring_doorbells(STATE_CHANGED)

    def _end_tree(self, grace_s: float) -> None:
        """End all processes of the job: ask, wait, kill, until none is left; keep their output."""
        if self._something_lives():
            self._signal_tree(signal.SIGTERM)
            self._signal_tree(
                signal.SIGCONT
            )  # a stopped process takes SIGTERM only once it goes on
            patience = time.monotonic() + grace_s
            while self._something_lives() and (left := patience - time.monotonic()) > 0:
                self._turn(min(left, _KILL_INTERVAL_S * 5))
            while self._something_lives():
                self._signal_tree(signal.SIGKILL)
                self._turn(_KILL_INTERVAL_S)
        while data := _read(self._read_end):
            self._take_output(data)

    def _something_lives(self) -> bool:
        return processes.any_lives(self._group, has_children=self._reap())

    def _signal_tree(self, number: signal.Signals) -> None:
        processes.send(processes.tree(os.getpid(), self._group), self._group, number)

    def _record_exit(self, status: int | None, verified: int | None) -> None:
        job_exit = JobExit(
            reason=self._reason or "ended",
            exit_code=status if status is not None and status >= 0 else None,
            signal=-status if status is not None and status < 0 else None,
            verify_exit_code=128 - verified if verified is not None and verified < 0 else verified,
            output_bytes=self._output.written_bytes,
            dropped_bytes=self._output.dropped_bytes,
            time_s=time.time(),
        )
        while True:
            try:
                return self._folder.write_exit(job_exit)
            except FileNotFoundError:  # the folder is gone, and with it whoever would read this
                return None
            except OSError:  # a full disk: the end is known here alone, so it waits for room
                traceback.print_exc()
                time.sleep(self._spec.heartbeat_interval_s)


def _wake_on_signals() -> int:
    """Give a descriptor that becomes readable when a child ends or a signal arrives."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    os.set_blocking(write_end, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    return read_end


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _READ_BYTES)
    except BlockingIOError:
        return b""


def _become_job(spec: JobSpec, argv: list[str], gate: int, output: int) -> None:
    """Turn the forked child into the job; never returns."""
    code = _NOT_RUNNABLE_EXIT_CODE
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.setsid()
        processes.die_with_parent()
        os.dup2(output, 1)
        os.dup2(output, 2)
        if os.read(gate, 1) != b"!":  # the shim died before it recorded the start
            os._exit(code)
        os.chdir(spec.working_directory)
        os.execvpe(argv[0], argv, spec.env)
    except FileNotFoundError as error:
        code = _NOT_FOUND_EXIT_CODE
        os.write(2, f"{error.filename or argv[0]}: not found\n".encode())
    except OSError as error:
        os.write(2, f"{error.filename or argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(code)
