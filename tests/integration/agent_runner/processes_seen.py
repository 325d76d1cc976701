"""What a test sees of processes: by id, by group, and by a mark in their environment."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable

import psutil

DEADLINE_S = 20.0
"""Far more than anything here takes; a test that reaches it has failed."""


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def members(group: int) -> list[int]:
    """List the living members of a process group."""
    return [pid for pid in psutil.pids() if _group_of(pid) == group and alive(pid)]


def marked(value: str) -> list[int]:
    """List the living processes whose environment holds a value, wherever they went."""
    found = []
    for process in psutil.process_iter():
        try:
            if value in process.environ().values() and alive(process.pid):
                found.append(process.pid)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def open_files() -> list[str]:
    """List what this process holds open, FIFOs and what was removed meanwhile too (Linux)."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the listing itself
            found.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return found


async def until(condition: Callable[[], object]) -> None:
    """Wait until something holds; AssertionError where it never does."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        await asyncio.sleep(0.02)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
