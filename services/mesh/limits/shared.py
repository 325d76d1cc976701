"""Buckets that all replicas share, in JetStream key-value.

A replica takes a chunk of units by compare-and-set and spends it by itself, so a call costs no
round trip. Moments are those of the server's clock: replicas need not agree on the time.
"""

import asyncio
import hashlib
import logging
import random
import struct
import time
from dataclasses import dataclass
from typing import Final

from nats.js import api
from nats.js.errors import (
    BadRequestError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
)
from nats.js.kv import KeyValue

from services.mesh.events.log import TRANSIENT, EventLog
from services.mesh.identity.lru import Lru
from services.mesh.limits.bucket import Grant, Rate, take
from services.mesh.names import new_id

BUCKET: Final = "adjutant_limits"
STREAM: Final = f"KV_{BUCKET}"
TTL_S: Final = 3600.0
"""Seconds after which a bucket that nobody took from is forgotten; it is full long before."""
TIMEOUT_S: Final = 0.25
OPEN_TIMEOUT_S: Final = 2.0
AWAY_S: Final = 1.0
"""Seconds for which a server that did not answer is not asked again."""
ATTEMPTS: Final = 32
CONFLICT_S: Final = 0.002
"""Seconds at most before another attempt, by chance, so that two do not meet again and again."""
CLOCK_S: Final = 600.0
"""Seconds after which the server's clock is read again."""
_REMEMBERED: Final = 20_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Stored:
    revision: int
    full_at: float


class SharedBuckets:
    """Takes from the buckets of the whole mesh."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._bucket: KeyValue | None = None
        self._opening = asyncio.Lock()
        # What we wrote ourselves. Where it is out of date the write is refused.
        self._stored: Lru[str, _Stored] = Lru(_REMEMBERED)
        # A key of one's own: another's write would remove what we are about to read.
        self._clock_key = f"clock.{new_id()}"
        self._server_ahead_s = 0.0
        self._clock_read_at = 0.0
        self._away_until = 0.0
        self.taken = 0
        """How many times something was taken or refused: round trips, near enough."""

    async def take(self, key: str, rate: Rate, least: float, most: float) -> Grant | None:
        """Take from a bucket; None while the server is away or everybody wants the same."""
        if time.monotonic() < self._away_until:
            return None
        limit_s = TIMEOUT_S if self._bucket else OPEN_TIMEOUT_S
        try:
            async with asyncio.timeout(limit_s):
                return await self._take(await self._open(), key, rate, least, most)
        except TRANSIENT as error:
            log.warning("limits are each replica's own for now: %r", error)
            self._bucket = None  # it may be gone for good; the next call looks anew
            self._away_until = time.monotonic() + AWAY_S
            return None

    async def _take(
        self, bucket: KeyValue, key: str, rate: Rate, least: float, most: float
    ) -> Grant | None:
        for _ in range(ATTEMPTS):
            stored = self._stored.get(key) or await self._read(bucket, key)
            now = time.monotonic() + self._server_ahead_s
            grant = take(rate, stored.full_at, now, least, most)
            self.taken += 1
            if not grant.units:
                return grant  # it can only be emptier than we know
            try:
                value = struct.pack(">d", grant.full_at)
                revision = await bucket.update(key, value, last=stored.revision)
            except KeyWrongLastSequenceError:
                self._stored.drop(key)
                await asyncio.sleep(random.uniform(0, CONFLICT_S))
                continue
            self._stored.put(key, _Stored(revision, grant.full_at))
            return grant
        return None

    async def _read(self, bucket: KeyValue, key: str) -> _Stored:
        try:
            entry = await bucket.get(key)
        except KeyNotFoundError as error:
            # A key that was removed still has a revision.
            revision = error.entry.revision if error.entry else 0
            return _Stored(revision or 0, 0.0)
        (full_at,) = struct.unpack(">d", entry.value or b"")
        return _Stored(entry.revision or 0, full_at)

    async def _open(self) -> KeyValue:
        async with self._opening:
            if self._bucket is None:
                self._bucket = await self._make()
                self._clock_read_at = 0.0
            if time.monotonic() > self._clock_read_at + CLOCK_S:
                await self._read_clock(self._bucket)
        return self._bucket

    async def _make(self) -> KeyValue:
        jetstream = self._log.jetstream
        config = api.KeyValueConfig(
            bucket=BUCKET, ttl=TTL_S, storage=api.StorageType.MEMORY, history=1
        )
        try:
            return await jetstream.create_key_value(config)
        except BadRequestError:  # it was made with other settings
            return await jetstream.key_value(BUCKET)

    async def _read_clock(self, bucket: KeyValue) -> None:
        before = time.monotonic()
        revision = await bucket.put(self._clock_key, b"")
        after = time.monotonic()
        written = await self._log.jetstream.get_msg(STREAM, seq=revision)
        assert written.time is not None
        self._server_ahead_s = written.time.timestamp() - (before + after) / 2
        self._clock_read_at = after


def key_of(limit: str, who: str) -> str:
    """Return where a bucket stands: who it is of cannot be read from it, and any name will do."""
    return f"{limit}.{hashlib.blake2b(who.encode(), digest_size=16).hexdigest()}"
