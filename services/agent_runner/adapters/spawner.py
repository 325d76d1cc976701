"""The spawner: a small child of the service that forks shims, a few of them ahead of time.

It reads one JSON line per job, `{"id": 1, "folder": "…"}`, from the socket whose
descriptor is its argument, hands the folder to a waiting shim, and answers
`{"id": 1, "error": ""}`. It has one thread and few imports, so that a fork is
cheap and safe, and it ends when the socket closes. Shims at work outlive it:
they are nobody's children and in no session of its; those that wait end with it.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from typing import Final

from services.agent_runner.adapters import processes, shim

_SPARES: Final = 4
# Forking right away would take the processor from the job that has just been asked for.
_REFILL_DELAY_S: Final = 0.05
_PATH_BYTES: Final = 65536


def main() -> None:
    """Serve the service until it is gone."""
    processes.set_process_name("adjut-spawner")
    # A terminal's Ctrl-C reaches the whole group; the service decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    # A broken pipe: the service ended before the answer, which nobody waits for any more.
    with suppress(BrokenPipeError), control:
        _Spawner(control).serve()


class _Spawner:
    """Forks shims, and hands each its folder."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._spares: list[int] = []
        """The writing ends of the pipes at which spare shims wait."""

    def serve(self) -> None:
        """Give a shim to each job that is asked for, until the service is gone."""
        rest = b""
        while True:
            idle_s = _REFILL_DELAY_S if len(self._spares) < _SPARES else None
            if not select.select([self._control], [], [], idle_s)[0]:
                with suppress(OSError):  # the machine is full; it is told to whoever asks next
                    self._add_spare()
                continue
            data = self._control.recv(65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                answer = {"id": request["id"], "error": self._spawn(request["folder"])}
                self._control.sendall(json.dumps(answer).encode() + b"\n")

    def _spawn(self, folder: str) -> str:
        """Hand a folder to a shim; returns what went wrong, if anything."""
        while True:
            try:
                if not self._spares:
                    self._add_spare()
            except OSError as error:
                return f"cannot fork: {error.strerror or error}"
            spare = self._spares.pop()
            try:
                os.write(spare, folder.encode())
            except BrokenPipeError:  # somebody killed it while it waited
                continue
            finally:
                os.close(spare)
            return ""

    def _add_spare(self) -> None:
        """Fork a shim that waits for its folder. OSError where the machine has no room."""
        read_end, write_end = os.pipe()
        try:
            between = os.fork()
            if between == 0:
                # A shim that held these would hide the end of this process from others.
                for descriptor in (*self._spares, write_end, self._control.fileno()):
                    os.close(descriptor)
                _leave(read_end)
            _, status = os.waitpid(between, 0)
            if status != 0:
                raise OSError("the shim could not be forked")
        except OSError:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        self._spares.append(write_end)


def _leave(read_end: int) -> None:
    """Become a shim in a session of its own; never returns."""
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            folder = os.read(read_end, _PATH_BYTES).decode()
            os.close(read_end)
            if folder:  # none: the spawner ended first
                shim.main(folder)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
