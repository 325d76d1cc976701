"""Durable handlers of events: each event is handled to the end at least once.

A handler commits what it did and returns; then the event is acknowledged.
After a crash in between it comes again, so handlers tolerate a repeat. Of
several replicas one gets each event.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from nats.aio.msg import Msg
from nats.js import api
from opentelemetry.trace import SpanKind

from adjutant.event.v1 import event_pb2
from services.mesh import tasks, telemetry
from services.mesh.events.envelope import (
    AUDIT_PREFIX,
    SUBJECT_PREFIX,
    audit_token,
    kind_token,
)
from services.mesh.events.log import RETRY_S, TRANSIENT, EventLog, entry_of
from services.mesh.events.streams import stream_of

MAX_IN_FLIGHT: Final = 64
MAX_BACKOFF_S: Final = 30.0

log = logging.getLogger(__name__)
Handler = Callable[[event_pb2.Event], Awaitable[None]]


def subjects_of_kinds(kinds: Sequence[int]) -> list[str]:
    """Return the subjects of all events of some kinds."""
    return [f"{SUBJECT_PREFIX}.*.*.*.*.{kind_token(kind)}" for kind in kinds]


def subjects_of_audit(kinds: Sequence[int] = ()) -> list[str]:
    """Return the subjects of all entries of the audit log, or of those of some AuditKinds."""
    if not kinds:
        return [f"{AUDIT_PREFIX}.>"]
    return [f"{AUDIT_PREFIX}.*.*.{audit_token(kind)}" for kind in kinds]


class Consumer:
    """Hands every event on some subjects of one stream to a handler, across restarts."""

    def __init__(
        self,
        event_log: EventLog,
        durable: str,
        subjects: Sequence[str],
        handler: Handler,
        *,
        ack_wait_s: float = 10.0,
    ) -> None:
        """Take what to do with which events.

        What is not handled within `ack_wait_s` seconds is handed to another replica.
        """
        self._log = event_log
        self._durable = durable
        self._subjects = list(subjects)
        self._stream = stream_of(subjects[0])
        self._handler = handler
        self._ack_wait_s = ack_wait_s
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._handling: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Handle events for ever; a lost server is waited for. No handler outlives it."""
        try:
            while True:
                try:
                    await self._consume()
                except TRANSIENT as error:
                    log.debug("consumer %s starts over: %r", self._durable, error)
                    await asyncio.sleep(RETRY_S)
        finally:
            await tasks.end(self._handling)

    async def _consume(self) -> None:
        config = api.ConsumerConfig(
            durable_name=self._durable,
            filter_subjects=self._subjects,
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._ack_wait_s,
            max_ack_pending=4 * MAX_IN_FLIGHT,
        )
        await self._log.jetstream.add_consumer(self._stream, config)
        async with self._log.pull_from(self._durable, self._stream) as pull:
            async for message in pull.messages():
                await self._slots.acquire()
                task = asyncio.create_task(self._handle(message))
                self._handling.add(task)
                task.add_done_callback(self._handled)

    def _handled(self, task: asyncio.Task[None]) -> None:
        self._handling.discard(task)
        self._slots.release()

    async def _handle(self, message: Msg) -> None:
        entry = entry_of(message)
        if not entry.event.kind:
            await message.term()
            return
        name = f"handle {kind_token(entry.event.kind)}"
        try:
            with telemetry.span(name, entry.headers, SpanKind.CONSUMER):
                await self._handler(entry.event)
        except Exception as error:
            await self._put_back(message, entry.event.event_id, error)
            return
        try:
            await message.ack()
        except TRANSIENT as error:
            log.debug("event %s comes again: %r", entry.event.event_id, error)

    async def _put_back(self, message: Msg, event_id: str, error: Exception) -> None:
        delivered = message.metadata.num_delivered or 1
        delay_s = min(0.1 * 2 ** min(delivered, 20), MAX_BACKOFF_S)
        # What is away for a moment needs no traceback.
        traceback = None if isinstance(error, TRANSIENT) else error
        level = logging.ERROR if traceback else logging.INFO
        text = "event %s failed; again in %.1f s: %r"
        log.log(level, text, event_id, delay_s, error, exc_info=traceback)
        try:
            await message.nak(delay=delay_s)
        except TRANSIENT:
            log.debug("event %s comes again after its acknowledgement is overdue", event_id)
