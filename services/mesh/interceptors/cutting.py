"""Ends streams whose caller may not have them any more.

A stream goes on for hours after its call was let in. When who may do what changes, and now
and then for credentials that end by themselves, every open stream is looked at again.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from services.mesh.access.authorizer import Authorizer, denied
from services.mesh.access.caller import Call
from services.mesh.errors import AdjutantError
from services.mesh.identity import Principal

if TYPE_CHECKING:
    from services.mesh.access.contract import Method
    from services.mesh.interceptors.chain import Context, Inner

SWEEP_S: Final = 1.0
REST_S: Final = 0.1
"""Seconds between two looks at least: many changes at once are one look."""
HasEnded = Callable[[], bool]
"""Tells whether the credential that a stream was opened with is not accepted any more."""


@dataclass
class _Stream:
    """One stream that is open."""

    permission: int
    ends_at: float
    call: Call | None = None
    """Who reads it; None while that is being found out."""
    has_ended: HasEnded = lambda: False
    error: AdjutantError | None = None
    """Why it was cut."""


class Cutting:
    """Knows every stream of the process: an Around of streams, and a sweep in the background."""

    def __init__(self, authorizer: Authorizer, max_age_s: float) -> None:
        self._authorizer = authorizer
        self._max_age_s = max_age_s
        self._open: dict[asyncio.Task[Any], _Stream] = {}
        self._changed = asyncio.Event()

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run a stream; it is known from then until it ends."""
        task = asyncio.current_task()
        assert task is not None
        ends_at = asyncio.get_running_loop().time() + self._max_age_s
        stream = self._open[task] = _Stream(method.permission, ends_at)
        try:
            return await inner()
        except asyncio.CancelledError:
            if stream.error is None:
                raise
            task.uncancel()
            raise stream.error from None
        finally:
            del self._open[task]

    def entered(self, call: Call, has_ended: HasEnded) -> None:
        """Note who reads the stream that this task writes."""
        task = asyncio.current_task()
        if task in self._open:
            self._open[task].call = call
            self._open[task].has_ended = has_ended

    def look_soon(self) -> None:
        """Look at every stream again: who may do what has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Look at the streams for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S):
                    await self._changed.wait()
            self._changed.clear()
            for task, stream in list(self._open.items()):
                error = self._verdict(stream)
                if error and stream.error is None:
                    stream.error = error
                    task.cancel()
            await asyncio.sleep(REST_S)

    def _verdict(self, stream: _Stream) -> AdjutantError | None:
        """Return why a stream may not go on, or None."""
        if stream.call is None:
            return None
        principal = stream.call.principal
        if _is_over(principal) or stream.has_ended():
            return AdjutantError(
                "INVALID_CREDENTIAL",
                "The credential that this stream was opened with has ended; connect again, with "
                "a new one and the last cursor.",
            )
        try:
            self._authorizer.check_fresh()
        except AdjutantError as error:
            return error
        if not self._may_go_on(stream, principal, stream.call.resource):
            return denied()
        if asyncio.get_running_loop().time() > stream.ends_at:
            return AdjutantError(
                "STREAM_EXPIRED",
                f"A stream is open for {self._max_age_s:g} s at most; connect again with the "
                "last cursor.",
                retry_after_s=0.1,
            )
        return None

    def _may_go_on(self, stream: _Stream, principal: Principal, resource: str) -> bool:
        return stream.permission in self._authorizer.permissions(principal, resource)


def _is_over(principal: Principal) -> bool:
    return principal.expire_time is not None and principal.expire_time <= datetime.now(UTC)
