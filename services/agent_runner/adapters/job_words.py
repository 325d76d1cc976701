"""What a job said of itself: on disk before it is answered, until it stands in its run's record.

Any replica takes a report, and the one that looks after the run writes it down. Neither a kill
nor a pause of one loses what the job said, above all what it spent:

    said.*           what it said, in the order of the names
    reported         its time is that of the last report
    currency.json    of what it spends; the first one stays
    heard            the run is about to be written as ended: nothing is taken any more
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from services.agent_runner.adapters import whole_files

_SAID = "said."


@dataclass(frozen=True, slots=True)
class JobWord:
    """What a job said of itself; bare, it is a sign of life."""

    percent: float | None
    message: str
    cost: dict[str, Any] | None
    """An amount of money, by the names of its fields."""

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing but that the job is alive."""
        return self.percent is None and not self.message and self.cost is None


class JobWords:
    """The words of one job, in its folder."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._reported = os.path.join(folder, "reported")
        self._heard = os.path.join(folder, "heard")

    def leave(self, word: JobWord) -> bool:
        """Keep what the job said; False where nobody takes it any more, for the job has ended."""
        try:
            _touch(self._reported)
            if not word.is_bare:
                name = f"{_SAID}{time.time_ns()}.{os.getpid()}"
                whole_files.write(self._folder, name, asdict(word))
        except FileNotFoundError:  # the folder was removed
            return False
        # Written first, as whoever closes looks for words last: one of the two sees the other.
        return not os.path.exists(self._heard)

    def left(self) -> dict[str, JobWord]:
        """Read what was said and not forgotten, in the order in which it was said, by its name."""
        found = {}
        for name in sorted(whole_files.names(self._folder, _SAID)):
            if (word := whole_files.read(self._folder, name)) is not None:
                found[name] = JobWord(**word)
        return found

    def forget(self, names: list[str]) -> None:
        """Forget what stands in the record, the oldest first: what is left has the last word."""
        for name in sorted(names):
            with suppress(FileNotFoundError):  # another replica wrote it down too
                os.unlink(os.path.join(self._folder, name))

    def close(self) -> None:
        """Take nothing from now on; what was taken before is there to read."""
        with suppress(FileNotFoundError):
            _touch(self._heard)

    def reported_time_s(self) -> float:
        """Return when the job last reported, in seconds since the epoch; 0 where it never did."""
        try:
            return os.stat(self._reported).st_mtime
        except FileNotFoundError:
            return 0.0

    def currency(self, code: str) -> str:
        """Return the currency of what the job spends: this one, where it is the first."""
        with suppress(FileNotFoundError):  # removed; `leave` tells
            if whole_files.read(self._folder, "currency.json") is None:
                whole_files.write_first(self._folder, "currency.json", {"code": code})
        found = whole_files.read(self._folder, "currency.json")
        return str(found["code"]) if found else code


def _touch(path: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, whole_files.PRIVATE_FILE)
    try:
        os.utime(descriptor)
    finally:
        os.close(descriptor)
