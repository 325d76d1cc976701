"""What a job prints: kept up to a bound, and looked at for lines that repeat.

The shim imports this module, so it imports little.
"""

from __future__ import annotations

import os
from collections import deque

_LONGEST_CYCLE_LINES = 16
_LINES_PER_CHUNK = 256


class OutputLog:
    """The file that holds a job's output: all of it up to a bound, then a line that says so."""

    def __init__(self, path: str, max_bytes: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._max_bytes = max_bytes
        self.written_bytes = 0
        self.dropped_bytes = 0

    @property
    def printed_bytes(self) -> int:
        """How much the job printed, kept or not."""
        return self.written_bytes + self.dropped_bytes

    def write(self, data: bytes) -> None:
        """Keep what fits; a full disk drops like a full log does, for the job must not block."""
        kept = data[: self._max_bytes - self.written_bytes] if self.dropped_bytes == 0 else b""
        written = self._append(kept)
        self.written_bytes += written
        self.dropped_bytes += len(data) - written

    def close(self) -> None:
        """Say what is missing, if anything is."""
        if self.dropped_bytes:
            self._append(
                b"\n[adjutant: %d bytes of output are not kept; the bound is %d bytes]\n"
                % (self.dropped_bytes, self._max_bytes)
            )
        os.close(self._file)

    def _append(self, data: bytes) -> int:
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            pass
        return written


class RepeatCounter:
    """Counts how many times in a row the last lines said the same.

    The lines may repeat one by one or as a cycle of up to 16 lines. Empty lines
    do not count, and of a flood only the last lines of each piece are looked at.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._recent: deque[int] = deque(maxlen=_LONGEST_CYCLE_LINES)
        self._matches = [0] * (_LONGEST_CYCLE_LINES + 1)

    @property
    def repeats(self) -> int:
        """How often the best cycle came again."""
        return max(self._matches[length] // length for length in range(1, _LONGEST_CYCLE_LINES + 1))

    def feed(self, data: bytes) -> None:
        """Look at more output."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-4096:]
        for line in lines[-_LINES_PER_CHUNK:]:
            if line.strip():
                self._add(hash(line))

    def _add(self, line: int) -> None:
        for length in range(1, _LONGEST_CYCLE_LINES + 1):
            same = length <= len(self._recent) and self._recent[-length] == line
            self._matches[length] = self._matches[length] + 1 if same else 0
        self._recent.append(line)
