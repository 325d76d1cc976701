"""Answers on their way to callers who do not read them.

gRPC takes an answer and keeps it until its reader gives it room, for ever. A stream waits with
its next message meanwhile; an answer to a call that answers once is held as a whole. So each
principal may leave so much unread, and no answer waits longer than a call may take.

Small answers are as many as there are calls: they are not counted one by one, but looked at now
and then, and those that are still there after their time are dropped.
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
SMALL_BYTES: Final = 16 * 1024
"""Bytes below which an answer is small: what calls may come by the minute bounds those."""
LOOK_S: Final = 1.0
"""Seconds between two looks at small answers."""
_OVERHEAD_BYTES: Final = 4096
"""What an answer takes besides its own bytes, about."""


class Delivery:
    """Counts what is not read yet: an Around, the innermost."""

    def __init__(self, patience_s: float) -> None:
        self._timeouts = Timeouts(patience_s)
        self._unread: Counter[str] = Counter()
        self._small = SmallAnswers(patience_s)

    async def __call__(self, inner: Inner, method: Method, context: Context) -> Any:
        """Run the call, and follow its answer until it is read or nobody waits for it."""
        response = await inner()
        size = response.ByteSize()
        if size < SMALL_BYTES:
            self._small.follow()
            return response
        call = latest_call()
        if call is None:
            return response
        size += _OVERHEAD_BYTES
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


class SmallAnswers:
    """Drops small answers that nobody reads; one that is read costs an append to a list."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._new: list[asyncio.Task[Any]] = []
        self._waiting: dict[asyncio.Task[Any], float] = {}
        self._is_due = False

    def follow(self) -> None:
        """Note that this task sends a small answer."""
        task = asyncio.current_task()
        assert task is not None
        self._new.append(task)
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def _look(self) -> None:
        """Forget what was read, and end what has waited too long."""
        now = asyncio.get_running_loop().time()
        new, self._new = self._new, []
        self._waiting.update((task, now + self._patience_s) for task in new)
        self._waiting = {task: at for task, at in self._waiting.items() if not task.done()}
        for task, ends_at in self._waiting.items():
            if ends_at <= now:
                task.cancel()
        self._is_due = bool(self._waiting)
        if self._is_due:
            asyncio.get_running_loop().call_later(LOOK_S, self._look)


def _unread() -> AdjutantError:
    return AdjutantError(
        "RATE_LIMITED",
        f"Answers of more than {MAX_UNREAD_BYTES >> 20} MiB wait for you to read them; read them, "
        "and call again.",
        retry_after_s=1.0,
    )
