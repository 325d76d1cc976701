"""One stream: its place in the log, what it missed, and what happens."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from adjutant.event.v1 import event_pb2, frame_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events.cursor import Cursor, Filter, encode
from services.mesh.events.log import EventLog, LogEntry, LogState, unavailable
from services.mesh.events.ring import Ring

Frame = frame_pb2.EventFrame


async def _never() -> bool:
    return False


@dataclass(frozen=True)
class Ending:
    """When a stream ends by itself."""

    subject: str
    """Where the last event of the story stands in the log."""
    is_last: Callable[[event_pb2.Event], bool]
    """Whether an event ends the story, unless a later one on the subject reopens it."""
    is_over: bool = False
    """Whether the story had ended before the stream began; perhaps the log has lost its end."""
    resource: str = ""
    """Whose story it is, where the subject holds those of several; empty where it holds one."""
    since: datetime | None = None
    """When that resource was made."""
    is_reopened: Callable[[], Awaitable[bool]] = _never
    """Whether the story goes on although the log ends it: what reopened it is not published yet."""

    async def newest(self, log: EventLog) -> LogEntry | None:
        """Return the newest event that could end the story, as the log has it."""
        if self.since is None:
            return await log.last_entry(self.subject)
        return await log.last_entry_of(self.subject, self.resource, self.since)


@dataclass(frozen=True)
class Place:
    """Where a stream starts: after this sequence, and whether events are missing before it."""

    sequence: int
    gap: frame_pb2.Gap | None = None


def find_place(given: Cursor | None, since: datetime | None, state: LogState) -> Place:
    """Return where a stream starts in the log as it is now."""
    before_first = state.first_sequence - 1 if state.first_sequence else 0
    if given is None:
        lost = since and before_first and since < state.first_time
        gap = frame_pb2.Gap(reason=frame_pb2.Gap.REASON_RETENTION) if lost else None
        return Place(before_first, gap)
    if given.epoch != state.epoch or given.sequence > state.last_sequence:
        return Place(before_first, frame_pb2.Gap(reason=frame_pb2.Gap.REASON_LOG_REPLACED))
    if given.sequence < before_first:
        missing = before_first - given.sequence
        gap = frame_pb2.Gap(reason=frame_pb2.Gap.REASON_RETENTION, missing_count=missing)
        return Place(before_first, gap)
    return Place(given.sequence)


class SharedFrames:
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


@dataclass
class Feed:
    """What all readers of a process share."""

    log: EventLog
    ring: Ring
    heartbeat_s: float
    epoch: bytes = b""
    """The log's, as the hub last saw it."""
    closing: bool = False
    shared: SharedFrames = dataclasses.field(default_factory=SharedFrames)


class Reader:
    """One stream's place in the log."""

    def __init__(self, feed: Feed, events: Filter, sequence: int, ending: Ending | None) -> None:
        self._feed = feed
        self._ring = feed.ring
        self._filter = events
        self._sequence = sequence
        self._ending = ending
        self._epoch = feed.epoch
        self._ended = False

    def frame(self, **content: object) -> Frame:
        """Return a frame that says something at the reader's place."""
        cursor = encode(Cursor(self._epoch, self._sequence), self._filter)
        return Frame(cursor=cursor, **content)  # type: ignore[arg-type]

    async def replay(self) -> AsyncIterator[Frame]:
        """Yield what is older than the ring, and then what the ring holds by now."""
        while self._sequence < self._ring.floor and not self._ended:
            head = self._ring.last_sequence
            async for entry in self._older(head):
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
            if self._feed.closing:
                raise shutting_down()
            if self._epoch != self._feed.epoch:
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
            if quiet_s >= self._feed.heartbeat_s:
                beat = frame_pb2.Heartbeat()
                beat.time.GetCurrentTime()
                yield self.frame(heartbeat=beat)
                spoke_at = clock()
            elif not entries:  # else much may have changed while the reader took them
                await self._ring.wait(self._sequence, self._feed.heartbeat_s - quiet_s)

    async def _start_over(self) -> AsyncIterator[Frame]:
        """Go on with the beginning of the log that replaced the reader's."""
        place = find_place(Cursor(self._epoch, self._sequence), None, await self._feed.log.state())
        self._epoch, self._sequence = self._feed.epoch, place.sequence
        yield self.frame(gap=place.gap)
        async for frame in self.replay():
            yield frame

    async def _older(self, last: int) -> AsyncIterator[LogEntry]:
        with unavailable():
            async for entry in self._feed.log.read(self._filter.subjects, self._sequence + 1, last):
                yield entry

    def _newer(self, last: int) -> list[LogEntry]:
        entries = self._ring.between(self._sequence, last, self._filter.task)
        return [entry for entry in entries if self._filter.matches(entry.event)]

    def _pass(self, entry: LogEntry) -> Frame:
        """Return an event's frame; readers of one filter share it."""
        self._sequence = entry.sequence
        return self._feed.shared.get(
            (self._epoch, entry.sequence),
            self._filter.digest,
            lambda: self.frame(event=entry.event),
        )

    async def _notice_end(self, entry: LogEntry) -> None:
        if self._ending and self._ending.is_last(entry.event):
            newest = await self._ending.newest(self._feed.log)
            is_newest = newest is None or newest.sequence == entry.sequence
            self._ended = is_newest and not await self._ending.is_reopened()

    async def _notice_end_before(self) -> None:
        """Notice a story whose end the reader already has."""
        if self._ending and not self._ended:
            newest = await self._ending.newest(self._feed.log)
            if newest is None:
                self._ended = self._ending.is_over
            elif newest.sequence <= self._sequence and self._ending.is_last(newest.event):
                self._ended = not await self._ending.is_reopened()

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
