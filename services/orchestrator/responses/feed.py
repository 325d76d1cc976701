"""The text of a response as far as this process has it: one buffer, for many readers.

Whoever makes the text, or hears of it from the replica that does, adds to it; each reader takes
what follows its own place, so there is no queue per reader and a slow one costs nothing but
gets larger pieces. Readers are woken together, and less often the more of them there are.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

PIECE_BYTES: Final = 64 * 1024
"""Bytes of text in one frame at most."""
WAKES_PER_S: Final = 2000
"""How many readers of one response are woken a second, all together."""
LONGEST_PAUSE_S: Final = 0.25


@dataclass(frozen=True, order=True)
class Place:
    """A place in a response's text: bytes of UTF-8 of one attempt."""

    attempt: int = 0
    offset: int = 0


class Feed:
    """One response's text in this process."""

    def __init__(self) -> None:
        self.attempt = 0
        """The newest attempt that is known; 0 while there is none."""
        self.looks = 0
        """Counts how often readers were told to look at the record, for it may have ended."""
        self.readers = 0
        self.is_made_here = False
        """Whether the text is made in this process."""
        self._text = bytearray()
        self._waiting: set[asyncio.Future[None]] = set()
        self._woke_at = 0.0
        self._waking: asyncio.TimerHandle | None = None

    @property
    def size(self) -> int:
        """Bytes of the newest attempt's text that are here."""
        return len(self._text)

    def text(self) -> str:
        """Return the newest attempt's text, as far as it is here."""
        return self._text.decode()

    def begin(self, attempt: int) -> None:
        """Start over with a new attempt."""
        self.attempt = attempt
        self._text = bytearray()
        self._wake_soon()

    def add(self, attempt: int, offset: int, text: bytes) -> None:
        """Take in text; what is here already, or belongs to an attempt that is over, is left out.

        Text that does not follow what is here is left out too: its reader gets it at the end.
        """
        if attempt > self.attempt:
            self.begin(attempt)
        have = len(self._text)
        if attempt < self.attempt or offset > have or offset + len(text) <= have:
            return
        self._text += text[have - offset :]
        self._wake_soon()

    def after(self, place: Place) -> bytes:
        """Return a piece of the text that follows a place; empty where there is none yet."""
        if place.attempt != self.attempt or place.offset >= len(self._text):
            return b""
        return piece(self._text, place.offset)

    def look(self) -> None:
        """Have every reader look at the record."""
        self.looks += 1
        self._wake()

    async def changes(self, place: Place, looks: int, timeout_s: float) -> None:
        """Wait until something follows a place or the record is to be looked at, or so long."""
        if self.looks != looks or self.attempt > place.attempt or self.after(place):
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(future)
        try:
            async with asyncio.timeout(timeout_s):
                await future
        except TimeoutError:
            return
        finally:
            self._waiting.discard(future)

    def _wake_soon(self) -> None:
        if self._waking or not self._waiting:
            return
        loop = asyncio.get_running_loop()
        pause_s = min(self.readers / WAKES_PER_S, LONGEST_PAUSE_S)
        self._waking = loop.call_at(self._woke_at + pause_s, self._wake)

    def _wake(self) -> None:
        if self._waking:
            self._waking.cancel()
            self._waking = None
        self._woke_at = asyncio.get_running_loop().time()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()


def piece(text: bytes | bytearray, offset: int) -> bytes:
    """Return text from an offset on, no more than one frame takes, and whole characters."""
    end = min(offset + PIECE_BYTES, len(text))
    while end < len(text) and not is_boundary(text, end):
        end -= 1
    return bytes(text[offset:end])


def is_boundary(text: bytes | bytearray, offset: int) -> bool:
    """Tell whether a character begins at an offset, or the text ends there."""
    return offset == len(text) or (offset < len(text) and text[offset] & 0xC0 != 0x80)
