"""The spawner: a small child of the service that forks a shim per job.

It reads one JSON line per job, `{"id": 1, "folder": "…"}`, from the socket whose
descriptor is its argument, and answers `{"id": 1, "error": ""}`. It has one
thread and few imports, so that a fork is cheap and safe, and it ends when the
socket closes. Shims outlive it: they are nobody's children and in no session of its.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import sys
import traceback
from contextlib import suppress

from services.agent_runner.adapters import processes, shim


def main() -> None:
    """Fork a shim per line until the service is gone."""
    processes.set_process_name("adjut-spawner")
    # A terminal's Ctrl-C reaches the whole group; the service decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    control = socket.socket(fileno=int(sys.argv[2]))
    control.set_inheritable(False)
    # A broken pipe: the service ended before the answer, which nobody waits for any more.
    with suppress(BrokenPipeError), control, control.makefile("rb") as lines:
        for line in lines:
            request = json.loads(line)
            error = _spawn(request["folder"], control)
            control.sendall(json.dumps({"id": request["id"], "error": error}).encode() + b"\n")


def _spawn(folder: str, control: socket.socket) -> str:
    """Fork a shim that is no child of this process; returns what went wrong, if anything."""
    try:
        between = os.fork()
    except OSError as error:
        return f"cannot fork: {error.strerror}"
    if between == 0:
        # Shims must not hold it open: its end tells the service that this process died.
        os.close(control.fileno())
        _leave(folder)
    _, status = os.waitpid(between, 0)
    return "" if status == 0 else "cannot fork the shim"


def _leave(folder: str) -> None:
    """Become a shim in a session of its own; never returns."""
    code = 1
    try:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            shim.main(folder)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)
