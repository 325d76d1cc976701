"""The feeds of a process: each is filled here, or by what another replica publishes.

A feed is there for as long as somebody makes or reads it; one that is only read is followed
through one consumer, however many its readers are.
"""

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Final

from services.mesh import tasks
from services.mesh.errors import StoreUnavailableError
from services.mesh.events.log import RETRY_S, TRANSIENT
from services.mesh.names import parent_of
from services.mesh.store import Store
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.feed import Feed
from services.orchestrator.responses.response import RESPONSES

LOOK_S: Final = 1.0
"""Seconds after which the end of a response is noticed, although nobody told of it."""

FOLLOW_AFTER_S: Final = 0.05
"""Seconds until a feed is followed: often it is about to be made here, or its end to be told."""

log = logging.getLogger(__name__)


class Feeds:
    """Makes feeds, and lets go of them."""

    def __init__(self, store: Store, chunks: Chunks) -> None:
        self._store = store
        self._chunks = chunks
        self._feeds: dict[str, Feed] = {}
        self._followers: dict[str, asyncio.Task[None]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        """What ends by itself: publishers, and followers that are being stopped."""

    @contextlib.asynccontextmanager
    async def reading(self, name: str) -> AsyncIterator[Feed]:
        """Give a reader the feed of a response."""
        feed = self._feeds.setdefault(name, Feed())
        feed.readers += 1
        self._follow(name, feed)
        try:
            yield feed
        finally:
            feed.readers -= 1
            self._let_go(name, feed)

    @contextlib.asynccontextmanager
    async def making(self, name: str, attempt: int) -> AsyncIterator[Feed]:
        """Give who makes a response its feed, and publish what it puts there."""
        feed = self._feeds.setdefault(name, Feed())
        feed.is_made_here = True
        feed.begin(attempt)
        self._stop_following(name)
        over = asyncio.Event()
        publishing = _start(lambda: self._publish(name, feed, attempt, over))
        self._keep(publishing)
        try:
            yield feed
        finally:
            feed.is_made_here = False
            over.set()  # and nobody waits for it: the whole text is about to be in the store
            feed.look()
            self._follow(name, feed)
            self._let_go(name, feed)

    def look(self, name: str) -> None:
        """Have those who read a response here look at its record."""
        if feed := self._feeds.get(name):
            feed.look()

    async def close(self) -> None:
        """Stop following and publishing."""
        await tasks.end([*self._followers.values(), *self._closing])

    def _follow(self, name: str, feed: Feed) -> None:
        if feed.readers and not feed.is_made_here and name not in self._followers:
            self._followers[name] = _start(lambda: self._fill(name, feed))

    def _let_go(self, name: str, feed: Feed) -> None:
        if feed.readers or feed.is_made_here:
            return
        if self._feeds.get(name) is feed:
            del self._feeds[name]
        self._stop_following(name)

    def _stop_following(self, name: str) -> None:
        """Stop a follower, without waiting for it: what it still adds is there already."""
        if follower := self._followers.pop(name, None):
            self._keep(follower)
            self._keep(_start(lambda: tasks.end([follower])))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _publish(self, name: str, feed: Feed, attempt: int, over: asyncio.Event) -> None:
        """Publish a feed, and take all of it back where its session is removed meanwhile.

        Whoever sees to that session may have been there before the last piece was published.
        """
        await self._chunks.publish(name, feed, attempt, over)
        while True:
            try:
                if await self._is_removed(name):
                    await self._chunks.remove(name)
                return
            except TRANSIENT as error:
                log.debug("whether %s is there still is asked again: %r", name, error)
                await asyncio.sleep(RETRY_S)

    async def _is_removed(self, name: str) -> bool:
        # The session goes first, the response with all else that is in it.
        is_in_session = await self._store.find(SESSIONS, parent_of(name)) is not None
        return not is_in_session or await self._store.find(RESPONSES, name) is None

    async def _fill(self, name: str, feed: Feed) -> None:
        await asyncio.sleep(FOLLOW_AFTER_S)
        following = asyncio.create_task(self._chunks.follow(name, feed))
        try:
            while True:
                await asyncio.sleep(LOOK_S)
                with contextlib.suppress(StoreUnavailableError):
                    record = await self._store.find(RESPONSES, name)
                    if record is None or record.settled:
                        feed.look()
        finally:
            await tasks.end([following])


def _start(work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
    """Start what outlives the call that it was started in, and knows nothing of it."""
    return asyncio.create_task(work(), context=contextvars.Context())
