"""Keeps parts running: one that ends is started again, later and later while it keeps failing."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.up.errors import UpError
from services.up.parts import Part

HOPELESS_AFTER_RESTARTS = 4


@dataclass(frozen=True)
class Backoff:
    """How long to wait before a part is started again."""

    initial_s: float = 0.1
    """Seconds before the first restart; doubles with each."""
    max_s: float = 2.0
    """At most so many seconds."""
    healthy_s: float = 3.0
    """Seconds that a part must have run for its count to start over."""


class Supervised:
    """A part that is kept running."""

    def __init__(
        self, part: Part, say: Callable[[str], None], backoff: Backoff | None = None
    ) -> None:
        self._part = part
        self._say = say
        self._backoff = backoff or Backoff()
        self._keeper: asyncio.Task[None] | None = None
        self.restarts = 0
        """How often it was started again, all in all."""

    @property
    def name(self) -> str:
        """The part's name."""
        return self._part.name

    def is_hopeless(self) -> bool:
        """Tell whether it ended so often that it will not serve."""
        return self.restarts >= HOPELESS_AFTER_RESTARTS

    async def start(self) -> None:
        """Start the part and keep it running from then on; UpError where it cannot be started."""
        try:
            await self._part.start()
        except (OSError, RuntimeError) as error:
            raise UpError(str(error)) from error
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")

    async def stop(self) -> None:
        """Let the part drain, and do not start it again."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._part.stop()

    def kill(self) -> None:
        """End the part at once, and do not start it again."""
        if self._keeper:
            self._keeper.cancel()
        self._part.kill()

    async def _keep(self) -> None:
        delay_s = self._backoff.initial_s
        while True:
            since = time.monotonic()
            cause = await self._part.wait()
            if time.monotonic() - since >= self._backoff.healthy_s:
                delay_s = self._backoff.initial_s
            while True:
                self._say(f"{self.name} ended ({cause}); starting it again in {delay_s:g} s")
                await asyncio.sleep(delay_s)
                delay_s = min(delay_s * 2, self._backoff.max_s)
                self.restarts += 1
                try:
                    await self._part.start()
                    break
                except (OSError, RuntimeError) as error:
                    cause = str(error)
