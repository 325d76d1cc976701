"""Replicas of what makes responses: the real parts, on one store and one nats-server.

What answers is scripted: it says given pieces at a given pace, and knows whether it was stopped.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from adjutant.orchestrator.v1 import chat_service_pb2, response_pb2
from services.mesh import tasks
from services.mesh.events import EventLog
from services.mesh.lease import Leases
from services.mesh.store import Store, now, open_store
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SESSIONS, SessionRecord
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.models.port import Finished, StopReason, TextDelta, Usage
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.dispatcher import Dispatcher
from services.orchestrator.responses.feed import Place
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.maker import Limits, Maker
from services.orchestrator.responses.reading import Reading
from services.orchestrator.responses.response import RESPONSES, ResponseRecord
from services.orchestrator.responses.responses import Responses
from services.orchestrator.responses.settling import Settling

PROJECT = "clients/acme/projects/web"
PATIENCE_S = 20.0
LEASE_S = 10.0
"""Long, so that a busy machine lapses none; tests that wait for that say less."""
EVERYTHING = tuple(dict.fromkeys((*COLLECTIONS, RESPONSES, SESSIONS, CHAT_MESSAGES)))


class Script:
    """Answers with given pieces of text; a gate holds it up before a piece."""

    def __init__(self, pieces: Sequence[str], pause_s: float = 0.0) -> None:
        self.pieces = list(pieces)
        self.pause_s = pause_s
        self.gates: dict[int, asyncio.Event] = {}
        self.failure: Exception | None = None
        self.running = 0
        self.most_running = 0
        self.calls: list[str] = []
        self.seen_by_call: list[list[str]] = []
        self.stopping_takes_s = 0.0

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def hold(self, before: int) -> asyncio.Event:
        """Return what lets it go on with a piece, by its number."""
        return self.gates.setdefault(before, asyncio.Event())

    async def answer(self, response: ResponseRecord) -> AsyncGenerator[TextDelta | Finished, None]:
        self.calls.append(response.prompt)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for number, piece in enumerate(self.pieces):
                if gate := self.gates.get(number):
                    await gate.wait()
                yield TextDelta(piece)
                await asyncio.sleep(self.pause_s)
            if self.failure:
                raise self.failure
            yield Finished(Usage(3, len(self.pieces)), StopReason.END, "scripted-1")
        finally:
            await asyncio.sleep(self.stopping_takes_s)
            self.running -= 1


class Replica:
    """One process's part; `settings` are those of the dispatcher and the limits."""

    def __init__(
        self, store: Store, log: EventLog, holder: str, script: Script, **settings: Any
    ) -> None:
        rights: Any = None  # no call is under way in which rights could be asked for
        sessions = Sessions(store, rights)
        self.store = store
        self.log = log
        self.script = script
        self.conversation = Conversation(store, sessions, ChatMessages(store, sessions))
        self.chunks = Chunks(log)
        self.feeds = Feeds(store, self.chunks)
        ttl_s = settings.get("ttl_s", 3600.0)
        self.settling = Settling(store, self.conversation, self.chunks, ttl_s)
        limits = Limits(settings.get("attempts", 5), settings.get("text_bytes", 2**20))
        maker = Maker(store, script, self.feeds, self.chunks, self.settling, limits)
        self.dispatcher = Dispatcher(
            store,
            Leases(log, holder, settings.get("lease_s", LEASE_S)),
            log,
            maker,
            at_once=settings.get("at_once", 8),
            per_user=settings.get("per_user", 0),
        )
        self.responses = Responses(store, self.conversation, self.settling, self.dispatcher)
        self.is_stopping = False
        self.reading = Reading(self.responses, self.feeds, 15.0, lambda: self.is_stopping)
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self.dispatcher.run())

    async def stop(self) -> None:
        self.is_stopping = True
        if self._running:
            await tasks.end([self._running])
        await self.dispatcher.close()
        await self.feeds.close()

    async def send(self, session: str, text: str = "hello", request_id: str = "") -> ResponseRecord:
        request = chat_service_pb2.SendMessageRequest(
            parent=session, text=text, request_id=request_id
        )
        return await self.responses.send(request)

    async def frames(
        self, name: str, place: Place | None = None
    ) -> AsyncIterator[response_pb2.ResponseFrame]:
        async with contextlib.aclosing(self.reading.stream(name, place or Place())) as stream:  # type: ignore[type-var]
            async for frame in stream:
                yield frame

    async def whole(self, name: str, place: Place | None = None) -> "Reader":
        """Return what a reader has got when the response has ended."""
        reader = Reader(place)
        async with asyncio.timeout(PATIENCE_S):
            async for frame in self.frames(name, reader.place):
                reader.take(frame)
        return reader

    async def until(self, name: str, state: str) -> ResponseRecord:
        async with asyncio.timeout(PATIENCE_S):
            while (record := await self.store.get(RESPONSES, name)).state != state:
                await asyncio.sleep(0.01)
        return record


class Reader:
    """A client that puts a response together, and looks that it never sees two texts in a place."""

    def __init__(self, place: Place | None = None) -> None:
        self.place = place or Place()
        self.text = ""
        self.resets = 0
        self.kinds: list[str] = []
        self.ended: response_pb2.Response | None = None
        self.positions: list[int] = []

    def take(self, frame: response_pb2.ResponseFrame) -> None:
        kind = frame.WhichOneof("content")
        assert kind is not None
        self.kinds.append(kind)
        assert frame.is_partial == (kind != "ended")
        if kind == "reset":
            self.text, self.resets = "", self.resets + 1
        elif kind == "delta":
            if self.place.attempt:
                assert frame.place.attempt == self.place.attempt
                assert frame.place.offset == self.place.offset
            assert frame.next.offset == frame.place.offset + len(frame.delta.text.encode())
            self.text += frame.delta.text
        elif kind == "waiting":
            self.positions.append(frame.waiting.queue_position)
        elif kind == "ended":
            self.ended = frame.ended
        self.place = Place(frame.next.attempt, frame.next.offset)


async def make_session(store: Store, session_id: str = "s", user: str = "") -> str:
    """Make a session; outside of a call everybody is the user without a name."""
    name = f"{PROJECT}/sessions/{session_id}"
    await store.insert(
        SESSIONS, SessionRecord(name=name, create_time=now(), update_time=now(), user=user)
    )
    return name


async def open_here(folder: Path) -> Store:
    return await open_store(folder / "store.db", EVERYTHING)
