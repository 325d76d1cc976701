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
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nats.js import api

from adjutant.event.v1 import event_pb2, frame_pb2
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.events.cursor import Cursor, Filter, decode, encode
from services.mesh.events.envelope import SUBJECT_PREFIX
from services.mesh.events.log import (
    RETRY_S,
    TRANSIENT,
    EventLog,
    LogEntry,
    LogState,
    entry_of,
    unavailable,
)
from services.mesh.events.ring import Ring

log = logging.getLogger(__name__)
Frame = frame_pb2.EventFrame
READY_TIMEOUT_S: Final = 10.0


@dataclass(frozen=True)
class Ending:
    """When a stream ends by itself."""

    subject: str
    """Where the last event of the story stands in the log."""
    is_last: Callable[[event_pb2.Event], bool]
    """Whether an event ends the story, unless a later one on the subject reopens it."""


class Hub:
    """Serves the event streams of one process."""

    def __init__(self, event_log: EventLog, settings: MeshSettings) -> None:
        self._log = event_log
        self._heartbeat_s = settings.stream_heartbeat_s
        self._ring = Ring(settings.event_buffer_size)
        self._shared = _SharedFrames()
        self._epoch = b""
        self._ready = asyncio.Event()
        self._closing = False

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
        return self._closing

    def close(self) -> None:
        """End every stream with SHUTTING_DOWN; their readers connect again elsewhere."""
        self._closing = True
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
        given = decode(cursor, events) if cursor else None
        await self._wait_until_ready()
        place = await self._start(given, since, from_start)
        reader = _Reader(self, events, place.sequence, ending)
        if place.gap:
            yield reader.frame(gap=place.gap)
        async for frame in reader.replay():
            yield frame
        yield reader.frame(live=frame_pb2.Live())
        async for frame in reader.follow():
            yield frame

    async def _follow(self) -> None:
        state = await self._log.state()
        if state.epoch != self._epoch:
            self._epoch = state.epoch
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
        if self._closing:
            raise shutting_down()
        if not self._ready.is_set():
            with unavailable():
                raise TimeoutError

    async def _start(
        self, given: Cursor | None, since: datetime | None, from_start: bool
    ) -> "_Place":
        if given is None and since is None and not from_start:
            return _Place(self._ring.last_sequence)
        if given and given.epoch == self._epoch and self._ring.covers(given.sequence):
            return _Place(given.sequence)
        return _place(given, since, await self._log.state())

    async def _replay(self, events: Filter, first: int) -> AsyncIterator[LogEntry]:
        with unavailable():
            async for entry in self._log.read(events.subjects, first, self._ring.last_sequence):
                yield entry


@dataclass(frozen=True)
class _Place:
    """Where a stream starts: after this sequence, and whether events are missing before it."""

    sequence: int
    gap: frame_pb2.Gap | None = None


def _place(given: Cursor | None, since: datetime | None, state: LogState) -> _Place:
    before_first = state.first_sequence - 1 if state.first_sequence else 0
    if given is None:
        lost = since and before_first and since < state.first_time
        gap = frame_pb2.Gap(reason=frame_pb2.Gap.REASON_RETENTION) if lost else None
        return _Place(before_first, gap)
    if given.epoch != state.epoch or given.sequence > state.last_sequence:
        return _Place(before_first, frame_pb2.Gap(reason=frame_pb2.Gap.REASON_LOG_REPLACED))
    if given.sequence < before_first:
        missing = before_first - given.sequence
        gap = frame_pb2.Gap(reason=frame_pb2.Gap.REASON_RETENTION, missing_count=missing)
        return _Place(before_first, gap)
    return _Place(given.sequence)


class _SharedFrames:
    """The frames of the event that readers are at: those of one filter are alike."""

    def __init__(self) -> None:
        self._place: tuple[bytes, int] = (b"", 0)
        self._frames: dict[bytes, Frame] = {}

    def get(self, place: tuple[bytes, int], key: bytes, make: Callable[[], Frame]) -> Frame:
        """Return the frame of a filter at a place, making it for the first reader."""
        if place != self._place:
            self._place, self._frames = place, {}
        if key not in self._frames:
            self._frames[key] = make()
        return self._frames[key]


class _Reader:
    """One stream's place in the log."""

    def __init__(self, hub: Hub, events: Filter, sequence: int, ending: Ending | None) -> None:
        self._hub = hub
        self._ring = hub._ring
        self._filter = events
        self._sequence = sequence
        self._ending = ending
        self._epoch = hub._epoch
        self._ended = False

    def frame(self, **content: object) -> Frame:
        """Return a frame that says something at the reader's place."""
        cursor = encode(Cursor(self._epoch, self._sequence), self._filter)
        return Frame(cursor=cursor, **content)  # type: ignore[arg-type]

    async def replay(self) -> AsyncIterator[Frame]:
        """Yield what is older than the ring, and then what the ring holds by now."""
        while self._sequence < self._ring.floor and not self._ended:
            head = self._ring.last_sequence
            async for entry in self._hub._replay(self._filter, self._sequence + 1):
                if self._filter.matches(entry.event):
                    yield self._pass(entry)
                    await self._notice_end(entry)
                if self._ended:
                    return
            self._sequence = max(self._sequence, head)
        head = self._ring.last_sequence
        for entry in self._newer(head):
            yield self._pass(entry)
            await self._notice_end(entry)
            if self._ended:
                return
        self._sequence = max(self._sequence, head)
        await self._notice_end_before()

    async def follow(self) -> AsyncIterator[Frame]:
        """Yield what happens, and a heartbeat when nothing of it was for this reader."""
        clock = asyncio.get_running_loop().time
        spoke_at = clock()
        while not self._ended:
            if self._hub._closing:
                raise shutting_down()
            if self._epoch != self._hub._epoch:
                async for frame in self._start_over():
                    yield frame
                continue
            if self._sequence < self._ring.floor:
                raise self._slow()
            head = self._ring.last_sequence
            entries = self._newer(head)
            for entry in entries:
                yield self._pass(entry)
                spoke_at = clock()
                await self._notice_end(entry)
                if self._ended:
                    return
            self._sequence = max(self._sequence, head)
            quiet_s = clock() - spoke_at
            if quiet_s >= self._hub._heartbeat_s:
                beat = frame_pb2.Heartbeat()
                beat.time.GetCurrentTime()
                yield self.frame(heartbeat=beat)
                spoke_at = clock()
            elif not entries:  # else much may have changed while the reader took them
                await self._ring.wait(self._sequence, self._hub._heartbeat_s - quiet_s)

    async def _start_over(self) -> AsyncIterator[Frame]:
        """Go on with the beginning of the log that replaced the reader's."""
        place = _place(Cursor(self._epoch, self._sequence), None, await self._hub._log.state())
        self._epoch, self._sequence = self._hub._epoch, place.sequence
        yield self.frame(gap=place.gap)
        async for frame in self.replay():
            yield frame

    def _newer(self, last: int) -> list[LogEntry]:
        entries = self._ring.between(self._sequence, last, self._filter.task)
        return [entry for entry in entries if self._filter.matches(entry.event)]

    def _pass(self, entry: LogEntry) -> Frame:
        """Return an event's frame; readers of one filter share it."""
        self._sequence = entry.sequence
        return self._hub._shared.get(
            (self._epoch, entry.sequence),
            self._filter.digest,
            lambda: self.frame(event=entry.event),
        )

    async def _notice_end(self, entry: LogEntry) -> None:
        if self._ending and self._ending.is_last(entry.event):
            newest = await self._hub._log.last_entry(self._ending.subject)
            self._ended = newest is None or newest.sequence == entry.sequence

    async def _notice_end_before(self) -> None:
        """Notice a story whose end the reader already has."""
        if self._ending and not self._ended:
            newest = await self._hub._log.last_entry(self._ending.subject)
            if newest and newest.sequence <= self._sequence:
                self._ended = self._ending.is_last(newest.event)

    def _slow(self) -> AdjutantError:
        cursor = encode(Cursor(self._epoch, self._sequence), self._filter)
        return AdjutantError(
            "SLOW_CONSUMER",
            "The reader fell too far behind; connect again with the cursor and read faster.",
            metadata={"cursor": cursor},
            retry_after_s=0.1,
        )


def shutting_down() -> AdjutantError:
    """Return the error that ends streams when the service stops."""
    return AdjutantError(
        "SHUTTING_DOWN",
        "The service is stopping; connect again with the last cursor.",
        retry_after_s=0.5,
    )
