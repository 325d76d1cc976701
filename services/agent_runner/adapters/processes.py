"""The processes of this machine: a job's tree, its processor time, and its end.

On Linux a shim is a subreaper: what a job's children leave behind becomes the
shim's own child, so nothing escapes by calling setsid. Elsewhere the process
group and the parent chain, as `ps` tells them, must do.

The shim imports this module, so it imports little.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_CHILD_SUBREAPER = 36

_LINUX = sys.platform == "linux"
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")

MARKS_ARE_VISIBLE = _LINUX
"""Whether `with_environment` can see the environment of other processes here."""

_libc = ctypes.CDLL(None, use_errno=True) if _LINUX else None


@dataclass(frozen=True, slots=True)
class Process:
    """One row of the process table."""

    pid: int
    parent: int
    group: int
    cpu_time_s: float
    """Its own and that of its children that ended."""


def become_subreaper() -> None:
    """Adopt whatever this process's descendants leave behind (Linux)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the parent dies (Linux)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def set_process_name(name: str) -> None:
    """Show a name of at most 15 characters in the process table (Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()), 0, 0, 0)


def _prctl(option: int, value: int) -> None:
    if _libc is not None and _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def tree(root: int, group: int) -> list[Process]:
    """All living descendants of a shim; where it is no subreaper, its job's process group too."""
    rows = table()
    found = [] if _LINUX else [row for row in rows if row.group == group]
    known = {row.pid for row in found}
    return found + [row for row in _descendants(root, rows) if row.pid not in known]


def any_lives(group: int, has_children: bool) -> bool:
    """Whether anything of a job is left, told a shim that has just reaped its children.

    On Linux every descendant becomes the shim's child in the end, so no child
    means no process; elsewhere the group may have members that are nobody's.
    """
    return has_children or (not _LINUX and group_lives(group))


def _descendants(root: int, rows: list[Process]) -> list[Process]:
    children: dict[int, list[Process]] = {}
    for row in rows:
        children.setdefault(row.parent, []).append(row)
    found: list[Process] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found.extend(below)
        waiting.extend(row.pid for row in below)
    return found


def table() -> list[Process]:
    """Every process of the machine that is not a zombie."""
    return _proc_table() if _LINUX else _ps_table()


def _proc_table() -> list[Process]:
    rows = (_proc_row(entry) for entry in os.listdir("/proc") if entry.isdigit())
    return [row for row in rows if row is not None]


def _proc_row(pid: str) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except (FileNotFoundError, ProcessLookupError):  # it ended meanwhile
        return None
    # The name stands in parentheses and may hold anything, parentheses too.
    fields = stat[stat.rindex(b")") + 2 :].split()
    if fields[0] in b"ZX":
        return None
    ticks = sum(int(field) for field in fields[11:15])
    return Process(int(pid), int(fields[1]), int(fields[2]), ticks / _TICKS_PER_S)


def _ps_table() -> list[Process]:
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid=,stat=,time="],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    rows = (line.split() for line in listing.splitlines())
    return [
        Process(int(pid), int(parent), int(group), _seconds(time))
        for pid, parent, group, state, time in rows
        if not state.startswith("Z")
    ]


def _seconds(time: str) -> float:
    """Read what ps calls time: `[[days-]hours:]minutes:seconds[.hundredths]`."""
    days, _, clock = time.rpartition("-")
    total = float(days or 0) * 24
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return total


def group_lives(group: int) -> bool:
    """Whether a process group has a member."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group of zombies
        return False
    return True


def send(processes: list[Process], group: int, number: signal.Signals) -> None:
    """Signal processes: one group at once, so that none is born unseen; then the others."""
    if any(row.group == group for row in processes):
        with suppress(ProcessLookupError):
            os.killpg(group, number)
    for row in processes:
        if row.group != group:
            with suppress(ProcessLookupError):
                os.kill(row.pid, number)


def kill_group(group: int) -> int:
    """Kill a process group; tells whether there was any."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return 0
    return 1


def kill_with_environment(name: str, value: str) -> int:
    """Kill what `with_environment` finds, and tell how many there were."""
    pids = with_environment(name, value)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(pids)


def with_environment(name: str, value: str) -> list[int]:
    """Find the living processes that have name=value in their environment (Linux)."""
    if not _LINUX:
        return []
    wanted = f"{name}={value}".encode()
    return [row.pid for row in _proc_table() if wanted in _environment(row.pid)]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # ended, or another user's
        return []
