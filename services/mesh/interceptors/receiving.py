"""The request of a call on its way in.

gRPC keeps what has come of a message until the rest is there, for ever. Until somebody asks for it
no more than a window of it is taken, so it is asked for late, and not waited for without end.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
from typing import TYPE_CHECKING

import grpc

from services.mesh.errors import AdjutantError
from services.mesh.timeouts import Ending, Timeouts

if TYPE_CHECKING:
    from services.mesh.interceptors.chain import Context


class Receiving:
    """Takes the one message of each call."""

    def __init__(self, patience_s: float) -> None:
        self._timeouts = Timeouts(patience_s)

    async def message(self, context: Context) -> bytes:
        """Return the bytes of the message. DEADLINE_TOO_SHORT, INVALID_REQUEST."""
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
