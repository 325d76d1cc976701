"""The relay: publishes what the store committed, in order, whatever crashes in between.

An event is published with its id as `Nats-Msg-Id`, so the log refuses a
repeat within its window. What waited longer than that (a crash, a long outage)
is looked up in the log before it is published again.

Replicas that share a store publish side by side. Each begins with the oldest
event that no one has cleared, so whoever is second repeats what the log
refuses, and no event can overtake one that was committed before it.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from nats.js import api

from services.mesh.config import MeshSettings
from services.mesh.events.envelope import subject_of
from services.mesh.events.log import REQUEST_TIMEOUT_S, TRANSIENT, EventLog
from services.mesh.store import OutboxEntry, Store

BATCH: Final = 256
SWEEP_S: Final = 1.0
"""Seconds after which events are found that a replica committed and did not live to publish."""
RETRY_S: Final = 0.1
MAX_RETRY_S: Final = 2.0

log = logging.getLogger(__name__)


class Relay:
    """Publishes one store's outbox."""

    def __init__(self, store: Store, event_log: EventLog, settings: MeshSettings) -> None:
        self._store = store
        self._log = event_log
        self._window = timedelta(seconds=settings.event_dedup_s / 2)
        self._wake = asyncio.Event()
        store.on_commit(self._wake.set)
        event_log.on_reconnect(self._wake.set)

    async def run(self) -> None:
        """Publish for ever. The sweep finds what another replica left behind."""
        retry_s = RETRY_S
        while True:
            self._wake.clear()
            try:
                while entries := await self._store.outbox(BATCH):
                    await self._publish(entries)
                retry_s = RETRY_S
            except TRANSIENT as error:
                log.warning("events wait for the event log: %s", error or type(error).__name__)
                await self._pause(retry_s)
                retry_s = min(retry_s * 2, MAX_RETRY_S)
                continue
            await self._pause(SWEEP_S)

    async def drain(self) -> None:
        """Publish what waits now; called at the end, so that nothing waits for the next start."""
        with contextlib.suppress(*TRANSIENT):
            while entries := await self._store.outbox(BATCH):
                await self._publish(entries)

    async def _pause(self, seconds: float) -> None:
        # Not wait_for, which in Python 3.11 swallows a cancellation that comes with the event.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _publish(self, entries: Sequence[OutboxEntry]) -> None:
        looked_at = time.monotonic()
        new = [entry for entry in entries if not await self._is_repeat(entry)]
        if time.monotonic() - looked_at > self._window.total_seconds():
            return  # paused meanwhile: another may have published it, longer ago than is remembered
        # Sent in one go, with nothing awaited on the way: hence on one connection, and
        # stored in order. Only the acknowledgements are awaited, together.
        acks = [await self._send(entry) for entry in new]
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await asyncio.gather(*acks)
        await self._store.clear_outbox([entry.position for entry in entries])

    async def _send(self, entry: OutboxEntry) -> asyncio.Future[api.PubAck]:
        headers = {**entry.headers, "Nats-Msg-Id": entry.event.event_id}
        payload = entry.event.SerializeToString()
        return await self._log.jetstream.publish_async(
            subject_of(entry.event), payload, headers=headers
        )

    async def _is_repeat(self, entry: OutboxEntry) -> bool:
        time = entry.event.time.ToDatetime(UTC)
        if datetime.now(UTC) - time < self._window:
            return False
        since = time - timedelta(minutes=1)
        return await self._log.contains(subject_of(entry.event), entry.event.event_id, since)
