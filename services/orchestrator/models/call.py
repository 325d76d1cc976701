"""One attempt at a model: what is reserved before, settled after, and kept of it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from services.mesh.names import new_id
from services.mesh.store import now
from services.orchestrator.models.books import book
from services.orchestrator.models.catalog import Choice
from services.orchestrator.models.estimate import calls_tokens, text_tokens
from services.orchestrator.models.failures import FailureKind, ModelFailure
from services.orchestrator.models.port import (
    CallScope,
    Delta,
    Finished,
    Ledger,
    ModelRequest,
    Pulse,
    RecordedModelCall,
    Recorder,
    TextDelta,
    ToolCall,
    Usage,
)

_NOTHING_USED: Final = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.UNAVAILABLE,
        FailureKind.REFUSED,
        FailureKind.CONTEXT_TOO_LONG,
    }
)
"""Failures at which no provider charges, where no token had come."""


class Call:
    """An attempt, from its reservation to its record."""

    def __init__(
        self,
        scope: CallScope,
        request: ModelRequest,
        choice: Choice,
        ledger: Ledger,
        recorder: Recorder,
    ) -> None:
        self.scope = scope
        self.request = request
        self.finished: Finished | None = None
        self._id = new_id()
        self._choice = choice
        self._ledger = ledger
        self._recorder = recorder
        self._start_time = now()
        self._is_asked = False
        self._first_token_time: datetime | None = None
        self._pieces: list[str] = []
        self._calls: list[ToolCall] = []
        self._unread_tokens = 0
        self._failure: ModelFailure | None = None
        self._is_cancelled = False

    @property
    def has_begun(self) -> bool:
        """Whether a token has come."""
        return self._first_token_time is not None

    @property
    def attributes(self) -> Mapping[str, str | int]:
        """What the span says from the start."""
        entry = self._choice.entry
        return {
            "adjutant.model.call": self._id,
            "gen_ai.provider.name": entry.provider.name,
            "gen_ai.request.model": entry.model,
            "adjutant.model.context_tokens": entry.context_tokens,
            "adjutant.model.selection_reason": self._choice.reason,
        }

    @property
    def outcome(self) -> Mapping[str, str | int | bool]:
        """What the span says at the end."""
        used = self._used()
        return {
            "gen_ai.response.model": self.finished.model if self.finished else "",
            "gen_ai.usage.input_tokens": used.input_tokens,
            "gen_ai.usage.output_tokens": used.output_tokens,
            "error.type": self._failure.kind if self._failure else "",
            "adjutant.model.is_cancelled": self._is_cancelled,
        }

    async def reserve(self) -> None:
        """Set aside what the call may cost. BUDGET_EXHAUSTED, and then nothing was asked."""
        entry, estimate = self._choice.entry, self._choice.estimate
        work = asyncio.ensure_future(
            self._ledger.reserve(self.scope, self._id, entry.provider.name, entry.model, estimate)
        )
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            if not work.cancelled() and work.exception() is None:
                await self._book()
            raise
        self._is_asked = True
        self._start_time = now()

    def feel(self, pulse: Pulse) -> None:
        """Keep that tokens came which nobody reads now; they are paid for like others."""
        if pulse.tokens:
            self._begin()
            self._unread_tokens += pulse.tokens

    def _begin(self) -> None:
        self._first_token_time = self._first_token_time or now()

    def take(self, delta: Delta) -> None:
        """Keep a piece of the answer."""
        if isinstance(delta, Finished):
            self.finished = delta
            return
        self._begin()
        if isinstance(delta, TextDelta):
            self._pieces.append(delta.text)
        else:
            self._calls.append(delta)

    def fail(self, error: BaseException) -> None:
        """Keep why it ended early: the model failed, or whoever asked stopped it."""
        if isinstance(error, ModelFailure):
            self._failure = error
        else:
            self._is_cancelled = isinstance(error, asyncio.CancelledError | GeneratorExit)

    async def close(self) -> None:
        """Settle and record, even where whoever asked is being cancelled."""
        work = asyncio.create_task(self._close())
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait([work])
            raise

    async def _close(self) -> None:
        await self._book()
        record = self._record()
        lost = f"call {self._id} is missing in its trace"
        await book(lambda: self._recorder.model_call(self.scope, record), lost)

    async def _book(self) -> None:
        """Tell the ledger what it took, which is what was reserved where that cannot be told."""
        lapses = f"nobody could note what call {self._id} took; it lapses as what was reserved"
        if self._was_free():
            await book(lambda: self._ledger.release(self._id), lapses)
        else:
            used = self._used()
            await book(lambda: self._ledger.settle(self._id, used), lapses)

    def _was_free(self) -> bool:
        failed = self._failure is not None and self._failure.kind in _NOTHING_USED
        return not self._is_asked or (failed and not self.has_begun)

    def _used(self) -> Usage:
        """Return what was used: as the provider says, else what went in and came, by estimate."""
        if self.finished:
            return self.finished.usage
        if self._was_free():
            return Usage()
        # A call of a tool that is whole came in pieces before, which nobody read.
        unread = max(self._unread_tokens, calls_tokens(self._calls))
        came = text_tokens("".join(self._pieces)) + unread
        reserved = self._choice.estimate
        return Usage(reserved.input_tokens, min(came, reserved.output_tokens))

    def _record(self) -> RecordedModelCall:
        entry, finished = self._choice.entry, self.finished
        return RecordedModelCall(
            call_id=self._id,
            provider=entry.provider.name,
            model=entry.model,
            selection_reason=self._choice.reason,
            request=self.request,
            start_time=self._start_time,
            end_time=now(),
            first_token_time=self._first_token_time,
            text="".join(self._pieces),
            tool_calls=tuple(self._calls),
            usage=self._used(),
            is_usage_estimated=finished is None and not self._was_free(),
            stop_reason=finished.stop_reason if finished else None,
            answering_model=finished.model if finished else "",
            failure=self._failure,
            is_cancelled=self._is_cancelled,
        )
