"""Streams of responses: each reader at its own place, whoever makes the text, now or long ago."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from typing import Final

from adjutant.orchestrator.v1 import response_pb2
from services.mesh.errors import AdjutantError
from services.mesh.events import shutting_down
from services.orchestrator.responses.feed import Feed, Place, is_boundary, piece
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.response import ResponseRecord, to_message
from services.orchestrator.responses.responses import Responses

Frame = response_pb2.ResponseFrame
LOOK_S: Final = 1.0
"""Seconds between two looks at whether the service stops, and at the place in the queue."""


class Reading:
    """Serves any number of readers."""

    def __init__(
        self,
        responses: Responses,
        feeds: Feeds,
        heartbeat_s: float,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._responses = responses
        self._feeds = feeds
        self._heartbeat_s = heartbeat_s
        self._is_stopping = is_stopping

    async def stream(self, name: str, place: Place) -> AsyncIterator[Frame]:
        """Yield what follows a place, to the end. NOT_FOUND, INVALID_PLACE, SHUTTING_DOWN."""
        record = await self._responses.get(name)
        reader = _Reader(place, self._heartbeat_s)
        async with self._feeds.reading(record.name) as feed:
            while True:
                looks = feed.looks
                record = await self._responses.get(name)
                if record.settled:
                    for frame in reader.rest(record):
                        yield frame
                    return
                reader.check(record)
                if record.state == "QUEUED":
                    position = await self._responses.place(record)
                    for frame in reader.waiting(record, position):
                        yield frame
                    await feed.changes(reader.place, looks, LOOK_S)
                async for frame in self._follow(reader, record, feed, looks):
                    yield frame
                if self._is_stopping():
                    raise shutting_down()

    async def _follow(
        self, reader: "_Reader", record: ResponseRecord, feed: Feed, looks: int
    ) -> AsyncIterator[Frame]:
        """Yield text while it is made, until the record is to be looked at."""
        while feed.looks == looks and not self._is_stopping():
            frame = reader.next(record, feed)
            if frame:
                yield frame
            elif record.state == "QUEUED":
                return
            else:
                await feed.changes(reader.awaited(record, feed), looks, LOOK_S)


class _Reader:
    """One stream's place in the text."""

    def __init__(self, place: Place, heartbeat_s: float) -> None:
        self.place = place
        self._heartbeat_s = heartbeat_s
        self._clock = asyncio.get_running_loop().time
        self._spoke_at = self._clock()
        self._position = 0

    def check(self, record: ResponseRecord) -> None:
        """Raise INVALID_PLACE where nobody can have been given the place."""
        if self.place.attempt > record.attempt or (self.place.offset and not self.place.attempt):
            raise _no_such_place("There is no such attempt, or none is named")

    def next(self, record: ResponseRecord, feed: Feed) -> Frame | None:
        """Return the next frame of a text that is being made, or None where there is nothing."""
        if feed.attempt < record.attempt:  # what is here belongs to an attempt that is over
            return self._beat(record)
        if feed.attempt > self.place.attempt and (reset := self._move(record, feed.attempt)):
            return reset
        text = feed.after(self.place)
        return self._delta(record, text) if text else self._beat(record)

    def awaited(self, record: ResponseRecord, feed: Feed) -> Place:
        """Return the place after which something is wanted: not text of an attempt that is over."""
        return self.place if feed.attempt >= record.attempt else Place(feed.attempt, sys.maxsize)

    def rest(self, record: ResponseRecord) -> list[Frame]:
        """Return all that is left of a response that has ended."""
        self.check(record)
        frames = []
        if record.attempt > self.place.attempt and (reset := self._move(record, record.attempt)):
            frames.append(reset)
        text = record.text.encode()
        if not is_boundary(text, self.place.offset):
            raise _no_such_place(f"The text of {len(text)} bytes has no character there")
        while data := piece(text, self.place.offset):
            frames.append(self._delta(record, data))
        frames.append(self._frame(record, ended=to_message(record)))
        return frames

    def waiting(self, record: ResponseRecord, position: int) -> list[Frame]:
        """Return what tells of a response's place in the queue, where it is another one."""
        if position == self._position:
            beat = self._beat(record)
            return [beat] if beat else []
        self._position = position
        waiting = response_pb2.ResponseWaiting(queue_position=position)
        return [self._frame(record, waiting=waiting)]

    def _move(self, record: ResponseRecord, attempt: int) -> Frame | None:
        """Go on with another attempt; who had text of the one before is told."""
        had_text = self.place.attempt > 0
        self.place = Place(attempt)
        if not had_text:
            return None
        reason = response_pb2.ResponseReset.REASON_NEW_ATTEMPT
        return self._frame(record, reset=response_pb2.ResponseReset(reason=reason))

    def _delta(self, record: ResponseRecord, text: bytes) -> Frame:
        if not is_boundary(text, 0):
            raise _no_such_place("The offset is within a character")
        start = self.place
        self.place = Place(start.attempt, start.offset + len(text))
        delta = response_pb2.ResponseDelta(text=text.decode())
        return self._frame(record, start, delta=delta)

    def _beat(self, record: ResponseRecord) -> Frame | None:
        if self._clock() - self._spoke_at < self._heartbeat_s:
            return None
        beat = response_pb2.ResponseHeartbeat()
        beat.time.GetCurrentTime()
        return self._frame(record, heartbeat=beat)

    def _frame(
        self, record: ResponseRecord, start: Place | None = None, **content: object
    ) -> Frame:
        self._spoke_at = self._clock()
        return Frame(
            response=record.name,
            place=_place(start or self.place),
            next=_place(self.place),
            is_partial="ended" not in content,
            **content,  # type: ignore[arg-type]
        )


def _place(place: Place) -> response_pb2.ResponsePlace:
    return response_pb2.ResponsePlace(attempt=place.attempt, offset=place.offset)


def _no_such_place(what: str) -> AdjutantError:
    return AdjutantError(
        "INVALID_PLACE",
        f"{what}; send `next` of a frame that you were given, or no place at all.",
        field="place",
    )
