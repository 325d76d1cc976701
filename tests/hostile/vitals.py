"""What the attacked processes are made of: which they are, their memory, files and connections."""

import asyncio
import contextlib
from dataclasses import dataclass, field

import psutil

SAMPLE_S = 0.2
SETTLE_S = 40.0
MAX_GROWTH_MB = 400.0
"""Megabytes that a service may grow by while it is attacked."""
MAX_KEPT_MB = 120.0
"""Megabytes of it that it may keep afterwards: allocators do not give everything back."""
KEPT_OF_A_STREAM_KB = 1.0
"""Kilobytes that may be kept besides of each stream that was opened: gRPC's core was seen to
keep about as much of those that were torn down with their connection; no Python object is left."""
MAX_FILES_KEPT = 30
"""Files that a service may have open afterwards and not before: of threads, of the log, and the
last connections, which go later on a busy machine; attackers open thousands."""
_MB = 2**20


@dataclass
class Vitals:
    """Watches processes for as long as they are attacked."""

    pids: dict[str, int]
    """Process ids by service."""
    rss_start_mb: float = 0.0
    rss_peak_mb: float = 0.0
    rss_end_mb: float = 0.0
    most_files: int = 0
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._processes = {name: psutil.Process(pid) for name, pid in self.pids.items()}
        self._files = {name: p.num_fds() for name, p in self._processes.items()}
        self._may_keep_mb = MAX_KEPT_MB
        self._start_mb = self._rss_mb()
        self._peak_mb = self._start_mb
        self.rss_start_mb = self.rss_peak_mb = sum(self._start_mb.values())

    async def run(self) -> None:
        """Look at the processes again and again."""
        while True:
            with contextlib.suppress(psutil.NoSuchProcess):
                now = self._rss_mb()
                self.rss_peak_mb = max(self.rss_peak_mb, sum(now.values()))
                self._peak_mb = {name: max(mb, self._peak_mb[name]) for name, mb in now.items()}
                files = sum(process.num_fds() for process in self._processes.values())
                self.most_files = max(self.most_files, files)
            await asyncio.sleep(SAMPLE_S)

    async def settle(self, streams: int) -> None:
        """Wait until what was opened is closed, for a while, and judge what is left."""
        self._may_keep_mb = MAX_KEPT_MB + streams * KEPT_OF_A_STREAM_KB / 1024
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                while self._left_open() or self._kept():
                    await asyncio.sleep(SAMPLE_S)
        self.complaints += self._left_open()
        self.complaints += [f"{name} died" for name, p in self._processes.items() if _dead(p)]
        self.complaints += self._kept()
        self.rss_end_mb = sum(self._rss_mb().values())
        for name, peak_mb in self._peak_mb.items():
            if (grown := peak_mb - self._start_mb[name]) > MAX_GROWTH_MB:
                self.complaints.append(f"{name} grew by {grown:.0f} MB, not {MAX_GROWTH_MB:.0f}")

    def _left_open(self) -> list[str]:
        left = []
        for name, process in self._processes.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                more = process.num_fds() - self._files[name]
                if more > MAX_FILES_KEPT:
                    sockets = len(process.net_connections())
                    left.append(
                        f"{name} has {more} more files open than before; {sockets} are sockets"
                    )
        return left

    def _kept(self) -> list[str]:
        kept = {name: mb - self._start_mb[name] for name, mb in self._rss_mb().items()}
        return [f"{name} keeps {mb:.0f} MB" for name, mb in kept.items() if mb > self._may_keep_mb]

    def _rss_mb(self) -> dict[str, float]:
        found = dict.fromkeys(self._processes, 0.0)
        for name, process in self._processes.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                found[name] = process.memory_info().rss / _MB
        return found


def _dead(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
