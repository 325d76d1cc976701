"""Places in the queue, as they were a moment ago: one look for all who ask.

Each reader of a response that waits asks for its place every second, and to find one all have to
be counted. So they are counted once for the whole process, and remembered for as long.
"""

import asyncio
import contextvars
from collections.abc import Mapping
from typing import Final

from services.mesh.store import Store
from services.orchestrator.responses.response import RESPONSES
from services.orchestrator.responses.turns import positions

FRESH_S: Final = 1.0
"""Seconds for which places are remembered."""


class Places:
    """The places of all responses that wait, each among its client's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._places: Mapping[str, int] = {}
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()

    async def of(self, name: str) -> int:
        """Return a response's place, of `FRESH_S` ago at most; 0 where it does not wait."""
        clock = asyncio.get_running_loop().time
        asked_at = clock()
        async with self._looking:
            is_old = clock() - self._looked_at >= FRESH_S
            # It may have come after the last look; who waited for that one need not look again.
            if is_old or (name not in self._places and self._looked_at < asked_at):
                await self._look(clock())
        return self._places.get(name, 0)

    async def _look(self, time: float) -> None:
        # In no call: whoever asks looks for everybody, and is told their own response's alone.
        look = asyncio.create_task(self._counted(), context=contextvars.Context())
        self._places, self._looked_at = await look, time

    async def _counted(self) -> dict[str, int]:
        names = [one.name async for one in self._store.scan(RESPONSES, {"state": ("QUEUED",)})]
        return positions(names)
