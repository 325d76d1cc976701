"""How often a secret may be guessed wrong."""

import time
from collections.abc import Callable
from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.identity.lru import Lru

BURST: Final = 10
"""Wrong secrets that a key id takes at once."""
PERIOD_S: Final = 6.0
"""Seconds after which it takes one more."""
_REMEMBERED: Final = 10_000


class Attempts:
    """Counts the wrong ones by key id; a right one costs nothing."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: Lru[str, float] = Lru(_REMEMBERED)
        """When each will have all of its attempts again."""

    def take(self, key_id: str) -> None:
        """Take an attempt. RATE_LIMITED where none is left."""
        now = self._clock()
        full_at = max(self._full_at.get(key_id) or now, now) + PERIOD_S
        wait_s = full_at - now - BURST * PERIOD_S
        if wait_s > 0:
            raise AdjutantError(
                "RATE_LIMITED",
                "This API key was shown with wrong secrets too often. Wait, and use the right one.",
                retry_after_s=wait_s,
            )
        self._full_at.put(key_id, full_at)

    def give_back(self, key_id: str) -> None:
        """Give an attempt back that was none: the secret was right, or was not looked at."""
        if full_at := self._full_at.get(key_id):
            self._full_at.put(key_id, full_at - PERIOD_S)
