"""Runs a program that must not outlive the process that starts it.

`python -I -S tether.py PARENT_PID PROGRAM ARGUMENT…` asks the kernel to send
SIGTERM when the parent is gone, then becomes the program: same process id. It
is a program and no `preexec_fn`, because running Python between fork and exec
deadlocks in a process that has threads, and gRPC has some. Only Linux can be asked; elsewhere
the program is started as it is, and whoever starts it next takes over from it.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def command(program: str, *arguments: str) -> list[str]:
    """Return the command line that runs the program tethered to this process.

    Start it from the main thread: Linux watches the thread, not the process.
    """
    if sys.platform != "linux":
        return [program, *arguments]
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), program, *arguments]


def main() -> None:
    """Tie this process to its parent and become the program."""
    parent_pid, program = int(sys.argv[1]), sys.argv[2]
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM) != 0:
        sys.exit(f"tether: prctl failed with errno {ctypes.get_errno()}")
    if os.getppid() != parent_pid:
        sys.exit("tether: the parent is gone already")
    os.execv(program, sys.argv[2:])


if __name__ == "__main__":
    main()
