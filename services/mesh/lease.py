"""Leases with fencing tokens, on JetStream key-value.

Whoever works on something holds its lease and renews it. When the holder is
gone the lease lapses and another may take it, with a higher token; a write
that carries a lower token than the record has seen is refused (Store.update).
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator
from typing import Final

from nats.js import api
from nats.js.errors import (
    BadRequestError,
    KeyDeletedError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
)
from nats.js.kv import KeyValue

from services.mesh import tasks
from services.mesh.errors import AdjutantError
from services.mesh.events.log import TRANSIENT, EventLog, unavailable

BUCKET: Final = "adjutant_leases"
MAX_DEDUP_WINDOW_S: Final = 120.0
ASK_AGAIN_S: Final = 0.1
_STREAM: Final = f"KV_{BUCKET}"

log = logging.getLogger(__name__)


class Lease:
    """Something that is held. It says itself whether it still is."""

    def __init__(self, key: str, token: int, ttl_s: float) -> None:
        self.key = key
        """What is held."""
        self.token = token
        """Fencing token: every later holder has a higher one."""
        self.revision = 0
        self._ttl_s = ttl_s
        self._renewed_at = time.monotonic()

    @property
    def valid(self) -> bool:
        """Whether nobody else can hold it yet; a fifth of its time is kept as a margin."""
        return time.monotonic() - self._renewed_at < self._ttl_s * 0.8

    def check(self) -> None:
        """Raise STALE_FENCE where the lease may have lapsed."""
        if not self.valid:
            message = f"The lease on {self.key} lapsed; whoever holds it now goes on."
            raise AdjutantError("STALE_FENCE", message)

    def renewed(self, revision: int, asked_at: float) -> None:
        """Note a renewal that was asked for at the given monotonic time."""
        self.revision = revision
        self._renewed_at = asked_at

    def lapse(self) -> None:
        """Note that somebody else has it."""
        self._renewed_at = -math.inf


class Leases:
    """Takes and renews leases for one holder."""

    def __init__(self, event_log: EventLog, holder: str, ttl_s: float) -> None:
        self._log = event_log
        self._holder = holder.encode()
        self._ttl_s = ttl_s
        self._bucket: KeyValue | None = None
        self._first_token = 0

    async def acquire(self, key: str, timeout_s: float = 0.0) -> Lease | None:
        """Take a lease, or return None where somebody else holds it to the end of the timeout.

        EVENT_LOG_UNAVAILABLE.
        """
        give_up_at = time.monotonic() + timeout_s
        while True:
            lease = await self._try(key)
            if lease or time.monotonic() >= give_up_at:
                return lease
            await asyncio.sleep(min(ASK_AGAIN_S, max(give_up_at - time.monotonic(), 0.0)))

    async def _try(self, key: str) -> Lease | None:
        """Take a lease, or return None where somebody else holds it.

        A holder that finds its own name takes the lease over: it is the same
        replica after a restart, and its former self has given up the port.
        """
        asked_at = time.monotonic()
        with unavailable():
            try:
                bucket = await self._open()
                revision = await self._create(bucket, key)
            except TRANSIENT:
                self._bucket = None  # it may be gone for good; the next call looks anew
                raise
        if revision is None:
            return None
        lease = Lease(key, self._first_token + revision, self._ttl_s)
        lease.renewed(revision, asked_at)
        return lease

    async def release(self, lease: Lease) -> None:
        """Give a lease back; where that fails it lapses."""
        with contextlib.suppress(*TRANSIENT):
            bucket = await self._open()
            await bucket.delete(lease.key, last=lease.revision)

    @contextlib.asynccontextmanager
    async def held(self, key: str, timeout_s: float = 0.0) -> AsyncIterator[Lease | None]:
        """Hold a lease for the block and renew it meanwhile.

        None where somebody else holds it to the end of the timeout.
        """
        lease = await self.acquire(key, timeout_s)
        if lease is None:
            yield None
            return
        over = asyncio.Event()
        renewal = asyncio.create_task(self._renew(lease, over))
        try:
            yield lease
        finally:
            # A renewal under way is not cut off: which revision it made would not be known, and
            # the key would stay to the end of its time.
            over.set()
            try:
                await asyncio.wait([renewal])
            finally:
                await tasks.end([renewal])
            await self.release(lease)

    async def _create(self, bucket: KeyValue, key: str) -> int | None:
        with contextlib.suppress(KeyWrongLastSequenceError):
            return await bucket.create(key, self._holder)
        try:
            entry = await bucket.get(key)
            if entry.value != self._holder or entry.revision is None:
                return None
            return await bucket.update(key, self._holder, last=entry.revision)
        except (KeyNotFoundError, KeyDeletedError, KeyWrongLastSequenceError):
            return None

    async def _renew(self, lease: Lease, over: asyncio.Event) -> None:
        while not await tasks.happens(over, self._ttl_s / 3):
            asked_at = time.monotonic()
            try:
                bucket = await self._open()
                revision = await bucket.update(lease.key, self._holder, last=lease.revision)
                lease.renewed(revision, asked_at)
            except KeyWrongLastSequenceError:
                log.warning("somebody else took the lease on %s", lease.key)
                lease.lapse()
                return
            except TRANSIENT as error:
                log.warning("the lease on %s could not be renewed: %r", lease.key, error)

    async def _open(self) -> KeyValue:
        if self._bucket is None:
            bucket = await self._make()
            info = await self._log.jetstream.stream_info(_STREAM)
            # A bucket that is made anew counts from 1; its tokens must exceed those in the stores.
            made_at = info.created.timestamp() if info.created else time.time()
            self._first_token = int(made_at) << 24
            self._bucket = bucket
        return self._bucket

    async def _make(self) -> KeyValue:
        jetstream = self._log.jetstream
        config = api.KeyValueConfig(
            bucket=BUCKET, ttl=self._ttl_s, storage=api.StorageType.FILE, history=1
        )
        try:
            return await jetstream.create_key_value(config)
        except BadRequestError:  # it was made with another time to live
            made = (await jetstream.stream_info(_STREAM)).config
            window_s = min(self._ttl_s, MAX_DEDUP_WINDOW_S)
            await jetstream.update_stream(
                made.evolve(max_age=self._ttl_s, duplicate_window=window_s)
            )
            return await jetstream.key_value(BUCKET)
