"""The request of a call on its way in.

gRPC keeps what has come of a message until the rest is there, for ever. Until somebody asks for it
no more than a window of it is taken, so it is asked for late, and not waited for without end.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
import math
from typing import TYPE_CHECKING

import grpc

from services.mesh.errors import AdjutantError
from services.mesh.timeouts import Ending, Timeouts

if TYPE_CHECKING:
    from services.mesh.interceptors.chain import Context


class Receiving:
    """Takes the one message of each call, and of so many calls at a time."""

    def __init__(self, patience_s: float, most: float = math.inf) -> None:
        self._timeouts = Timeouts(patience_s)
        self._most = most
        self._under_way = 0

    async def message(self, context: Context) -> bytes:
        """Return the bytes of the message. DEADLINE_TOO_SHORT, INVALID_REQUEST, RATE_LIMITED."""
        if self._under_way >= self._most:
            message = "Too many requests are on their way in; send it again in a moment."
            raise AdjutantError("RATE_LIMITED", message, retry_after_s=1.0)
        self._under_way += 1
        try:
            return await self._message(context)
        finally:
            self._under_way -= 1

    async def _message(self, context: Context) -> bytes:
        ending = Ending()
        key = self._timeouts.add(ending.come)
        try:
            content = await context.read()
        except asyncio.CancelledError as error:
            if ending.is_not_alone:
                raise
            raise AdjutantError(
                "DEADLINE_TOO_SHORT",
                f"The request did not come within {self._timeouts.limit_s:g} s; send it at once.",
            ) from error
        finally:
            self._timeouts.drop(key)
        if content is grpc.aio.EOF:
            raise AdjutantError("INVALID_REQUEST", "The call carries no request; send one message.")
        return content  # type: ignore[no-any-return]
