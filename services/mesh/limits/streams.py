"""How many streams each user, API key and client may have open at once, on all replicas.

Each process puts its own counts into a JetStream key-value bucket and follows the others', so
opening a stream asks nobody. Counts that are not renewed lapse: those of a process that
died are forgotten. While NATS is away each counts by itself.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NoReturn

from nats.js import api
from nats.js.errors import BadRequestError
from nats.js.kv import KeyValue

from services.mesh import metrics, tasks
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.events.log import RETRY_S, TRANSIENT, EventLog
from services.mesh.identity import Kind, Principal
from services.mesh.limits.shared import key_of
from services.mesh.names import new_id

BUCKET: Final = "adjutant_streams"
STREAM: Final = f"KV_{BUCKET}"
TTL_S: Final = 15.0
"""Seconds after which the counts of a process that does not renew them are forgotten."""
COALESCE_S: Final = 0.05
"""Seconds for which changes of the counts are gathered before they are put."""
MAX_COUNTS: Final = 10_000
"""How many counts a process tells the others of: the highest."""
RETRY_AFTER_S: Final = 5.0
_WHAT: Final = {
    "user": "You have as many streams open as a user may",
    "key": "This API key has as many streams open as a key may",
    "client": "The client has as many streams open as a client may",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that is counted."""

    places: tuple[str, ...]
    """What it is counted for."""


@dataclass(frozen=True, slots=True)
class _Other:
    """What another process has told."""

    lapses_at: float
    counts: dict[str, int]


class Streams:
    """Counts open streams. `run` it in the background."""

    def __init__(
        self, event_log: EventLog, settings: MeshSettings, *, ttl_s: float = TTL_S
    ) -> None:
        self._log = event_log
        self._ttl_s = ttl_s
        self._most = {
            "user": settings.max_streams_user,
            "key": settings.max_streams_key,
            "client": settings.max_streams_client,
        }
        self._me = f"{settings.service}.{new_id()}"
        self._own: Counter[str] = Counter()
        self._others: dict[str, _Other] = {}
        self._changed = asyncio.Event()

    def open(self, principal: Principal, client: str) -> Opened:
        """Count a stream. TOO_MANY_STREAMS with the limit's name.

        `client` is the resource name of the client that it is about; empty for none.
        """
        wanted = self._limits_of(principal, client)
        for limit, place in wanted:
            if self.count(place) >= self._most[limit]:
                _refuse(limit, self._most[limit])
        places = tuple(place for _, place in wanted)
        self._own.update(places)
        self._changed.set()
        return Opened(places)

    def close(self, opened: Opened) -> None:
        """Count a stream no more."""
        for place in opened.places:
            self._own[place] -= 1
            if self._own[place] <= 0:
                del self._own[place]
        self._changed.set()

    def count(self, place: str) -> int:
        """Return how many streams are open for a place, here and elsewhere."""
        present = time.monotonic()
        return self._own[place] + sum(
            other.counts.get(place, 0)
            for other in self._others.values()
            if other.lapses_at > present
        )

    async def run(self) -> None:
        """Tell the others, and hear of them, for ever."""
        works = [asyncio.create_task(self._again(work)) for work in (self._tell, self._hear)]
        try:
            await asyncio.gather(*works)
        finally:
            await tasks.end(works)

    async def leave(self) -> None:
        """Tell the others that all streams of this process have ended."""
        self._own.clear()
        with contextlib.suppress(*TRANSIENT):
            await self._put(await self._open())

    def _limits_of(self, principal: Principal, client: str) -> list[tuple[str, str]]:
        if principal.administrator or principal.kind is Kind.SERVICE:
            return []
        own = "key" if principal.kind is Kind.API_KEY else "user"
        named = [(own, principal.name), ("client", client)]
        return [(limit, key_of(limit, who)) for limit, who in named if who and self._most[limit]]

    async def _again(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except TRANSIENT as error:
                log.debug("counts of streams start over: %r", error)
                await asyncio.sleep(RETRY_S)

    async def _tell(self) -> None:
        bucket = await self._open()
        while True:
            self._changed.clear()
            await self._put(bucket)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._ttl_s / 3):
                    await self._changed.wait()
            await asyncio.sleep(COALESCE_S)

    async def _put(self, bucket: KeyValue) -> None:
        counts = dict(self._own.most_common(MAX_COUNTS))
        await bucket.put(self._me, json.dumps(counts).encode())

    async def _hear(self) -> None:
        await self._open()
        config = api.ConsumerConfig(deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT)
        prefix = f"$KV.{BUCKET}."
        async with self._log.pull([f"{prefix}>"], config, stream=STREAM) as pull:
            async for message in pull.messages():
                self._heard(message.subject.removeprefix(prefix), message.data)

    def _heard(self, name: str, content: bytes) -> None:
        present = time.monotonic()
        counts = json.loads(content) if content else {}
        if name != self._me:
            self._others[name] = _Other(present + self._ttl_s, counts)
        for other in [n for n, known in self._others.items() if known.lapses_at < present]:
            del self._others[other]

    async def _open(self) -> KeyValue:
        config = api.KeyValueConfig(
            bucket=BUCKET, ttl=self._ttl_s, storage=api.StorageType.MEMORY, history=1
        )
        try:
            return await self._log.jetstream.create_key_value(config)
        except BadRequestError:  # it was made with other settings
            return await self._log.jetstream.key_value(BUCKET)


def _refuse(limit: str, most: int) -> NoReturn:
    metrics.limited(f"{limit} streams")
    raise AdjutantError(
        "TOO_MANY_STREAMS",
        f"{_WHAT[limit]}, {most}; end some, or wait until others end.",
        metadata={"limit": limit, "most": str(most)},
        retry_after_s=RETRY_AFTER_S,
    )
