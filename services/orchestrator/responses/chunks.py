"""Text of responses on its way between replicas: a JetStream stream of its own.

A response's text is published every so often while it is made, so that readers on any replica
have it, those that come late too, without asking the replica that makes it. A stream and no
plain subject, because a late reader needs what was before; and no records in the store, because
readers would have to ask it again and again, and each of them. Whole texts are in the store when
they have ended; what is here is removed by age.
"""

import asyncio
import contextlib
import logging
from typing import Final

from google.protobuf.message import DecodeError
from nats.js import api
from nats.js.errors import NotFoundError

from adjutant.orchestrator.v1 import response_pb2
from services.mesh import tasks
from services.mesh.events.log import RETRY_S, TRANSIENT, EventLog
from services.mesh.names import collection_and_id
from services.orchestrator.responses.feed import Feed, Place

STREAM: Final = "ADJUTANT_RESPONSES"
PREFIX: Final = "adjutant.response"
MAX_AGE_S: Final = 86400.0
MAX_BYTES: Final = 2**30
PUBLISH_S: Final = 0.05
"""Seconds for which text is gathered before it is published."""
IDLE_S: Final = 60.0

log = logging.getLogger(__name__)


class Chunks:
    """Publishes and follows text."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._is_open = False

    async def publish(self, name: str, feed: Feed, attempt: int, over: asyncio.Event) -> None:
        """Publish a feed's text from its beginning on, until nothing is added to it any more."""
        place = Place(attempt)
        while True:
            is_last = over.is_set()
            if text := feed.after(place):
                await self._put(name, place, text, over)
                place = Place(attempt, place.offset + len(text))
                await tasks.happens(over, PUBLISH_S)
            elif is_last or feed.attempt != attempt:
                return
            else:
                await feed.changes(place, feed.looks, IDLE_S)

    async def tell(self, name: str) -> None:
        """Have those who follow a response look at its record: it may have ended."""
        with contextlib.suppress(*TRANSIENT):
            await self._open()
            await self._log.jetstream.publish(subject_of(name), b"", stream=STREAM)

    async def follow(self, name: str, feed: Feed) -> None:
        """Put what is published of a response into a feed, for ever."""
        while True:
            try:
                await self._read(name, feed, to_the_end=False)
            except TRANSIENT as error:
                self._is_open = False
                log.debug("following %s starts over: %r", name, error)
            await asyncio.sleep(RETRY_S)

    async def recall(self, name: str) -> str:
        """Return what was published of a response's latest attempt; empty where that is unknown."""
        feed = Feed()
        with contextlib.suppress(*TRANSIENT):
            await self._read(name, feed, to_the_end=True)
        return feed.text()

    async def remove(self, name: str) -> None:
        """Remove what is kept of a response, or of all in a session, a project or a client."""
        collection, _ = collection_and_id(name)
        if collection == "groups":  # holds no session
            return
        below = "" if collection == "responses" else ".>"
        with contextlib.suppress(NotFoundError):
            await self._log.jetstream.purge_stream(STREAM, subject=f"{subject_of(name)}{below}")

    async def _put(self, name: str, place: Place, text: bytes, over: asyncio.Event) -> None:
        """Publish a piece, as soon as that can be done; when it is over it is tried once."""
        frame = response_pb2.ResponseFrame(is_partial=True)
        frame.place.attempt, frame.place.offset = place.attempt, place.offset
        frame.delta.text = text.decode()
        while True:
            try:
                await self._open()
                message = frame.SerializeToString()
                await self._log.jetstream.publish(subject_of(name), message, stream=STREAM)
            except TRANSIENT as error:
                self._is_open = False
                log.debug("text of %s is published later: %r", name, error)
                if await tasks.happens(over, RETRY_S):
                    return
            else:
                return

    async def _read(self, name: str, feed: Feed, *, to_the_end: bool) -> None:
        await self._open()
        config = api.ConsumerConfig(deliver_policy=api.DeliverPolicy.ALL)
        async with self._log.pull(
            [subject_of(name)], config, to_the_end=to_the_end, stream=STREAM
        ) as pull:
            if to_the_end and not pull.pending:
                return
            async for message in pull.messages():
                _take_in(message.data, feed)
                if to_the_end and not message.metadata.num_pending:
                    return

    async def _open(self) -> None:
        """Make the stream where it is missing, as after its server lost it."""
        if self._is_open:
            return
        config = api.StreamConfig(
            name=STREAM,
            subjects=[f"{PREFIX}.>"],
            storage=api.StorageType.FILE,
            max_age=MAX_AGE_S,
            max_bytes=MAX_BYTES,
            discard=api.DiscardPolicy.OLD,
        )
        await self._log.jetstream.add_stream(config)
        self._is_open = True


def subject_of(name: str) -> str:
    """Return the subject of what is named: the ids of its name, one below the other."""
    return ".".join([PREFIX, *name.split("/")[1::2]])


def _take_in(message: bytes, feed: Feed) -> None:
    if not message:
        feed.look()
        return
    try:
        frame = response_pb2.ResponseFrame.FromString(message)
    except DecodeError:
        log.error("a message of %s is no text; who else writes there?", STREAM)
        return
    feed.add(frame.place.attempt, frame.place.offset, frame.delta.text.encode())
