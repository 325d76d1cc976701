"""Makes one response.

Whoever holds its session's lease drives the responder, and writes what came of it.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.mesh import tasks, telemetry
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.lease import Lease
from services.mesh.store import Store
from services.orchestrator.models.port import Finished
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.feed import Feed
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.responder import Responder
from services.orchestrator.responses.response import (
    RESPONSES,
    Events,
    ResponseRecord,
    begin,
    cancelled,
    complete,
    fail,
)
from services.orchestrator.responses.settling import Settling
from services.orchestrator.responses.turns import alone
from services.orchestrator.tasks.failure import FailureRecord

PASSING: Final = ("STALE_FENCE", "CONCURRENT_CHANGE", "EVENT_LOG_UNAVAILABLE", "STORE_UNAVAILABLE")
"""Reasons that say nothing of the answer: it is made later, as another attempt."""
LOOK_S: Final = 0.5
"""Seconds between two looks at whether the lease still holds."""

Change = Callable[[ResponseRecord], Events | None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What bounds a response."""

    attempts: int
    """How often it is begun."""
    text_bytes: int
    """Bytes of UTF-8 that it may have."""


class Maker:
    """Makes responses, one for each call of `work`."""

    def __init__(
        self,
        store: Store,
        responder: Responder,
        feeds: Feeds,
        chunks: Chunks,
        settling: Settling,
        limits: Limits,
    ) -> None:
        self._store = store
        self._responder = responder
        self._feeds = feeds
        self._chunks = chunks
        self._settling = settling
        self._limits = limits

    async def work(self, name: str, lease: Lease, cancel: asyncio.Event) -> None:
        """Make a response to its end; `cancel` is set when nobody wants it any more.

        Raises one of PASSING where it is to be made later.
        """
        seen = await self._store.find(RESPONSES, name)
        if seen is None or seen.is_final:
            return
        refusal = await self._settling.before(seen)
        known = await self._chunks.recall(name) if self._is_over(seen) else ""
        record = await self._store.update(
            RESPONSES,
            name,
            lambda response: self._begin(response, known, refusal),
            fence=lease.token,
            guard=alone(seen.session) if seen.state == "QUEUED" else None,
        )
        if not record.is_final:
            async with self._feeds.making(name, record.attempt) as feed:
                await self._make(record, feed, lease, cancel)
        await self._settling.settle(record)
        self._feeds.look(name)
        await self._chunks.tell(name)

    def _is_over(self, response: ResponseRecord) -> bool:
        """Tell whether a response ends without another try."""
        return response.cancel_requested or response.attempt >= self._limits.attempts

    def _begin(
        self, response: ResponseRecord, known: str, refusal: AdjutantError | None
    ) -> Events | None:
        """Begin an attempt, or end a response that gets none.

        That is an attempt too: the one before may have given readers more than is known here.
        """
        if response.is_final:
            return None
        is_over = self._is_over(response)
        events = begin(response)
        if response.cancel_requested:
            return events + cancelled(response, known)
        if refusal:
            return events + fail(response, "", _failure(refusal))
        return events + fail(response, known, _lost()) if is_over else events

    async def _make(
        self, record: ResponseRecord, feed: Feed, lease: Lease, cancel: asyncio.Event
    ) -> None:
        with telemetry.span("respond"):
            pump = asyncio.create_task(self._pump(record, feed))
            try:
                await _ended(pump, lease, cancel)
            finally:
                # Whatever comes: nothing is written, and no lease given back, before it stopped.
                await tasks.end([pump])
        change = _outcome(pump, feed.text(), is_unwanted=cancel.is_set())
        await self._write(record.name, lease, change)

    async def _pump(self, record: ResponseRecord, feed: Feed) -> Finished:
        async with contextlib.aclosing(self._responder.answer(record)) as deltas:
            async for delta in deltas:
                if isinstance(delta, Finished):
                    return delta
                # What is no Unicode, such as half of a surrogate pair, cannot be sent.
                text = delta.text.encode(errors="replace")
                if feed.size + len(text) > self._limits.text_bytes:
                    raise _too_long(self._limits.text_bytes)
                feed.add(record.attempt, feed.size, text)
        raise AdjutantError("RESPONSE_LOST", "The answer broke off; send the message again.")

    async def _write(self, name: str, lease: Lease, change: Change) -> None:
        """Write what came of it, as soon as the store is there. STALE_FENCE."""
        while True:
            try:
                await self._store.update(RESPONSES, name, change, fence=lease.token)
                return
            except StoreUnavailableError:
                lease.check()
                await asyncio.sleep(LOOK_S)


async def _ended(pump: asyncio.Task[Finished], lease: Lease, cancel: asyncio.Event) -> None:
    """Return when the answer has ended or nobody wants it any more. STALE_FENCE."""
    unwanted = asyncio.create_task(cancel.wait())
    try:
        while not (pump.done() or unwanted.done()):
            await asyncio.wait(
                {pump, unwanted}, timeout=LOOK_S, return_when=asyncio.FIRST_COMPLETED
            )
            lease.check()
    finally:
        await tasks.end([unwanted])


def _outcome(pump: asyncio.Task[Finished], text: str, *, is_unwanted: bool) -> Change:
    """Return what to write of an answer that has ended. Raises what says nothing of it."""
    error = None if pump.cancelled() else pump.exception()
    if not pump.cancelled() and error is None:
        return _unless_over(lambda response: complete(response, text, pump.result()))
    if is_unwanted:
        return _unless_over(lambda response: cancelled(response, text))
    if isinstance(error, AdjutantError) and error.reason in PASSING:
        raise error
    return _unless_over(lambda response: fail(response, text, _failure(error)))


def _unless_over(change: Callable[[ResponseRecord], Events]) -> Change:
    return lambda response: None if response.is_final else change(response)


def _failure(error: BaseException | None) -> FailureRecord:
    if isinstance(error, AdjutantError):
        return FailureRecord(reason=error.reason, message=error.message)
    log.error("an answer could not be made", exc_info=error)
    return FailureRecord(
        reason="INTERNAL",
        message="The answer could not be made, by a fault of ours; send the message again.",
        disposition="INFRASTRUCTURE",
    )


def _lost() -> FailureRecord:
    return FailureRecord(
        reason="RESPONSE_LOST",
        message="Whoever made the answer was gone each time; send the message again.",
        disposition="INFRASTRUCTURE",
    )


def _too_long(limit_bytes: int) -> AdjutantError:
    return AdjutantError(
        "RESPONSE_TOO_LONG",
        f"An answer may have {limit_bytes} bytes (ADJUTANT_RESPONSE_MAX_BYTES); ask for less at "
        "once.",
    )
