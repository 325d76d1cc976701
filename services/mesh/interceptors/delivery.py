"""Answers on their way to callers who do not read them.

gRPC takes an answer and keeps it until its reader gives it room, for ever. A stream waits with
its next message meanwhile; an answer to a call that answers once is held as a whole. So each
principal may leave so much unread, and no answer waits longer than a call may take.
"""

from __future__ import annotations  # gRPC's types take parameters in stubs only

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from services.mesh.access.caller import latest_call
from services.mesh.errors import AdjutantError
from services.mesh.timeouts import Timeouts

if TYPE_CHECKING:
    from services.mesh.access.contract import Method
    from services.mesh.interceptors.chain import Context, Inner

MAX_UNREAD_BYTES: Final = 64 * 2**20
"""Bytes of answers that one principal may leave unread in one process."""
_OVERHEAD_BYTES: Final = 4096
"""What an answer takes besides its own bytes, about."""


class Delivery:
    """Counts what is not read yet: an Around, the innermost."""

    def __init__(self, patience_s: float) -> None:
        self._timeouts = Timeouts(patience_s)
        self._unread: Counter[str] = Counter()

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run the call, and follow its answer until it is read or nobody waits for it."""
        response = await inner()
        call = latest_call()
        if call is None:
            return response
        size = response.ByteSize() + _OVERHEAD_BYTES
        if self._unread[call.principal.name] + size > MAX_UNREAD_BYTES:
            del response  # or the error's traceback would hold it
            raise _unread()
        self._follow(call.principal.name, size)
        return response

    def _follow(self, principal: str, size: int) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._unread[principal] += size
        # gRPC sends the answer in this very task: when that ends, nothing is held any more.
        key = self._timeouts.add(task.cancel)

        def read(_: asyncio.Task[Any]) -> None:
            self._timeouts.drop(key)
            self._unread[principal] -= size
            if not self._unread[principal]:
                del self._unread[principal]

        task.add_done_callback(read)


def _unread() -> AdjutantError:
    return AdjutantError(
        "RATE_LIMITED",
        f"Answers of more than {MAX_UNREAD_BYTES >> 20} MiB wait for you to read them; read them, "
        "and call again.",
        retry_after_s=1.0,
    )
