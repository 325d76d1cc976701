"""The latest events of the log, in memory, for many readers."""

import asyncio
from collections import defaultdict, deque

from services.mesh.events.log import LogEntry


class Ring:
    """A bounded run of log entries without holes.

    It covers every sequence above `floor` up to `last_sequence`.
    """

    def __init__(self, size: int) -> None:
        self._entries: deque[LogEntry] = deque()
        self._of_task: defaultdict[str, deque[LogEntry]] = defaultdict(deque)
        self._size = size
        self._waiting: set[asyncio.Future[None]] = set()
        self.floor = 0
        """The sequence before the oldest that is covered."""
        self.last_sequence = 0
        """The newest sequence that is covered."""

    def covers(self, sequence: int) -> bool:
        """Tell whether all that follows the sequence is here, as far as it has happened."""
        return self.floor <= sequence <= self.last_sequence

    def restart(self, sequence: int) -> None:
        """Forget everything; the next entry follows the given sequence."""
        self._entries.clear()
        self._of_task.clear()
        self.floor = self.last_sequence = sequence
        self.wake_all()

    def append(self, entry: LogEntry) -> None:
        """Add the entry that follows the newest, and wake whoever waits."""
        if entry.sequence <= self.last_sequence:
            return
        self._entries.append(entry)
        self._of_task[entry.event.task].append(entry)
        self.last_sequence = entry.sequence
        if len(self._entries) > self._size:
            self._forget(self._entries.popleft())
        self.wake_all()

    def between(self, after: int, last: int, task: str = "") -> list[LogEntry]:
        """Return the entries above `after` up to `last`, oldest first; of one task or of all."""
        entries = self._of_task.get(task, ()) if task else self._entries
        newer: list[LogEntry] = []
        for entry in reversed(entries):
            if entry.sequence <= after:
                break
            if entry.sequence <= last:
                newer.append(entry)
        newer.reverse()
        return newer

    async def wait(self, sequence: int, timeout_s: float) -> bool:
        """Wait until there is something above the sequence; False when nothing came in time."""
        if self.last_sequence > sequence:
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(future)
        return True

    def wake_all(self) -> None:
        """Wake every reader."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def _forget(self, oldest: LogEntry) -> None:
        self.floor = oldest.sequence
        of_task = self._of_task[oldest.event.task]
        of_task.popleft()
        if not of_task:
            del self._of_task[oldest.event.task]
