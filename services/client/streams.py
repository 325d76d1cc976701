"""Streams that go on by themselves where a lost connection cut them."""

from __future__ import annotations

import asyncio
import collections
import operator
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from services.client.errors import SlowConsumerError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from adjutant_messages.adjutant.event.v1 import EventFrame

Item = TypeVar("Item")
Position = TypeVar("Position")

_REMEMBERED_EVENTS: Final = 4096


@dataclass(frozen=True)
class ReconnectPolicy:
    """How long a stream tries to go on."""

    first_s: float = 5.0
    """Seconds to try for while nothing has been received yet."""
    again_s: float = 120.0
    """Seconds to try for, counted from the last message received."""
    initial_backoff_s: float = 0.1
    """Seconds before the second attempt; doubles with each that fails."""
    max_backoff_s: float = 2.0
    """At most so many seconds between two attempts."""
    idle_s: float = 60.0
    """Seconds without a message (heartbeats included) after which a stream counts as dead."""


async def resumed(
    open_at: Callable[[Position], AsyncIterator[Item]],
    start: Position,
    position_of: Callable[[Item], Position],
    *,
    policy: ReconnectPolicy,
    endless: bool = False,
) -> AsyncIterator[Item]:
    """Yield a stream's messages, opening it again at the last position when it is cut.

    An `endless` stream is opened again also when the service ends it in peace.
    Raises UnreachableError when the policy's time is over, and any other error at once.
    """
    position, attempt, received = start, 0, False
    since = time.monotonic()
    while True:
        cause: Exception | None = None
        try:
            async for item in _lively(open_at(position), policy.idle_s):
                position, attempt, received = position_of(item) or position, 0, True
                since = time.monotonic()
                yield item
            if not endless:
                return
        except (UnreachableError, SlowConsumerError) as error:
            cause = error
        limit_s = policy.again_s if received else policy.first_s
        if cause and time.monotonic() - since > limit_s:
            raise cause
        await asyncio.sleep(min(policy.initial_backoff_s * 2**attempt, policy.max_backoff_s))
        attempt += 1


async def until_reachable(
    call: Callable[[], Awaitable[Item]], policy: ReconnectPolicy | None = None
) -> Item:
    """Return what a call answers, repeating it while nobody answers.

    For whoever follows something through a service's restart, as streams do
    by themselves. Raises UnreachableError after the policy's `again_s`.
    """
    policy, attempt, since = policy or ReconnectPolicy(), 0, time.monotonic()
    while True:
        try:
            return await call()
        except UnreachableError:
            if time.monotonic() - since > policy.again_s:
                raise
        await asyncio.sleep(min(policy.initial_backoff_s * 2**attempt, policy.max_backoff_s))
        attempt += 1


async def _lively(stream: AsyncIterator[Item], idle_s: float) -> AsyncIterator[Item]:
    """Yield from a stream; raise UnreachableError when it is silent for too long."""
    try:
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    item = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise UnreachableError(f"the stream was silent for {idle_s:g} s") from None
            yield item
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


async def event_frames(
    open_at: Callable[[str], AsyncIterator[EventFrame]],
    cursor: str,
    *,
    policy: ReconnectPolicy,
    endless: bool,
    heartbeats: bool,
) -> AsyncIterator[EventFrame]:
    """Yield a resumed stream's frames: each event once, in order, and LIVE once."""
    events, live = _Recent(), False
    cursor_of: Callable[[EventFrame], str] = operator.attrgetter("cursor")
    async for frame in resumed(open_at, cursor, cursor_of, policy=policy, endless=endless):
        if frame.event is not None and events.repeats(frame.event.event_id):
            continue
        if frame.heartbeat is not None and not heartbeats:
            continue
        if frame.live is not None:
            if live:
                continue
            live = True
        yield frame


class _Recent:
    """The ids of the latest events, to know a repeat by."""

    def __init__(self) -> None:
        self._order: collections.deque[str] = collections.deque()
        self._ids: set[str] = set()

    def repeats(self, event_id: str) -> bool:
        """Tell whether this id came before, and remember it."""
        if event_id in self._ids:
            return True
        self._order.append(event_id)
        self._ids.add(event_id)
        if len(self._order) > _REMEMBERED_EVENTS:
            self._ids.discard(self._order.popleft())
        return False
