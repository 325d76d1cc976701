"""Every event stream of a process, from one reader of the log.

The hub follows the log once and keeps the latest events in a ring that all
streams read from, each at its own place; there is no queue per reader. A
stream whose place is older than the ring reads the log itself until it
reaches the ring, so live events never overtake the replay. One that the ring
has left behind while it was live is told so, and nothing is skipped.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final

from nats.js import api

from adjutant.event.v1 import frame_pb2
from services.mesh.access.scope import is_within
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError, not_found
from services.mesh.events.cursor import Cursor, Filter, decode
from services.mesh.events.envelope import SUBJECT_PREFIX
from services.mesh.events.log import RETRY_S, TRANSIENT, EventLog, entry_of, unavailable
from services.mesh.events.reader import (
    Ending,
    Feed,
    Frame,
    Place,
    Reader,
    find_place,
    shutting_down,
)
from services.mesh.events.ring import Ring

log = logging.getLogger(__name__)
READY_TIMEOUT_S: Final = 10.0


class Hub:
    """Serves the event streams of one process."""

    def __init__(self, event_log: EventLog, settings: MeshSettings) -> None:
        ring = Ring(settings.event_buffer_size)
        self._feed = Feed(event_log, ring, settings.stream_heartbeat_s)
        self._log = event_log
        self._ring = ring
        self._ready = asyncio.Event()

    async def run(self) -> None:
        """Follow the log for ever."""
        while True:
            try:
                await self._follow()
            except (*TRANSIENT, AdjutantError) as error:
                log.debug("the hub starts over: %r", error)
                await asyncio.sleep(RETRY_S)

    @property
    def is_closing(self) -> bool:
        """Whether the service stops; other streams should end by then too."""
        return self._feed.closing

    def close(self) -> None:
        """End every stream with SHUTTING_DOWN; their readers connect again elsewhere."""
        self._feed.closing = True
        self._ready.set()
        self._ring.wake_all()

    async def stream(
        self,
        events: Filter,
        cursor: str = "",
        *,
        since: datetime | None = None,
        from_start: bool = False,
        ending: Ending | None = None,
    ) -> AsyncIterator[Frame]:
        """Yield what the reader missed, LIVE, and what happens.

        Without a cursor it starts with what happens from now on; with
        `from_start` with the oldest event there is; with `since`, the moment
        the resource was made, with the resource's first event. INVALID_CURSOR,
        SLOW_CONSUMER, SHUTTING_DOWN, EVENT_LOG_UNAVAILABLE.
        """
        if not is_within(events.parent):
            raise not_found("project", events.parent)
        given = decode(cursor, events) if cursor else None
        await self._wait_until_ready()
        place = await self._start(given, since, from_start)
        reader = Reader(self._feed, events, place.sequence, ending)
        if place.gap:
            yield reader.frame(gap=place.gap)
        async for frame in reader.replay():
            yield frame
        yield reader.frame(live=frame_pb2.Live())
        async for frame in reader.follow():
            yield frame

    async def _follow(self) -> None:
        state = await self._log.state()
        if state.epoch != self._feed.epoch:
            self._feed.epoch = state.epoch
            self._ring.restart(state.last_sequence)
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._ring.last_sequence + 1,
        )
        async with self._log.pull([f"{SUBJECT_PREFIX}.>"], config) as pull:
            self._ready.set()
            async for message in pull.messages():
                entry = entry_of(message)
                if entry.sequence > self._ring.last_sequence + 1:
                    # Retention was faster than we: readers behind the hole go on by cursor.
                    self._ring.restart(entry.sequence - 1)
                self._ring.append(entry)

    async def _wait_until_ready(self) -> None:
        if not self._ready.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(READY_TIMEOUT_S):
                    await self._ready.wait()
        if self._feed.closing:
            raise shutting_down()
        if not self._ready.is_set():
            with unavailable():
                raise TimeoutError

    async def _start(self, given: Cursor | None, since: datetime | None, from_start: bool) -> Place:
        if given is None and since is None and not from_start:
            return Place(self._ring.last_sequence)
        if given and given.epoch == self._feed.epoch and self._ring.covers(given.sequence):
            return Place(given.sequence)
        return find_place(given, since, await self._log.state())
