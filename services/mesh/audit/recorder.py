"""What a service writes into the audit log.

An entry for a call that changes something waits in the call and is committed with the
change. Denials and authentications would be as many as there are calls: the first of
each sort is written at once, and those like it are counted and written as one entry at the
end of the window.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Final

from adjutant.common.v1 import access_pb2
from adjutant.event.v1 import access_events_pb2, event_pb2
from services.mesh.access.caller import Call
from services.mesh.audit.entry import Caller, named, new_entry, project_part
from services.mesh.audit.sorts import MAX_SORTS, Sorts
from services.mesh.identity import Principal
from services.mesh.store import Store

MAX_WAITING: Final = 16 * 1024
"""How many entries wait for a store that refuses them; what comes then is lost, and said."""
RETRY_S: Final = 1.0

log = logging.getLogger(__name__)


class Recorder:
    """Writes a service's entries. `run` it in the background, `close` it before the relay ends."""

    def __init__(
        self, store: Store, service: str, *, window_s: float = 60.0, max_sorts: int = MAX_SORTS
    ) -> None:
        self._store = store
        self._service = service
        self._window_s = window_s
        # Tables apart, so that nobody without an identity can crowd out those who have one,
        # and no denial an authentication.
        self._strangers = Sorts(max_sorts)
        self._refused = Sorts(max_sorts)
        self._accepted = Sorts(max_sorts)
        self._waiting: list[event_pb2.Event] = []
        self._wake = asyncio.Event()

    def entry(
        self,
        kind: int,
        caller: Caller,
        method: str,
        resource: str,
        *,
        denial: str = "",
        details: Iterable[access_events_pb2.AuditDetail] = (),
    ) -> event_pb2.Event:
        """Return an entry for one call, to be put into its Call.audit."""
        return new_entry(
            self._service, kind, caller, method, resource, denial=denial, details=details
        )

    async def finish(self, call: Call) -> None:
        """Commit the entries that no write of the call took.

        Await it before the answer leaves where the entry must not be missing, as with
        a secret that is handed out.
        """
        if call.audit:
            taken, call.audit = call.audit, []
            try:
                await self._store.append(taken)
            except BaseException:
                call.audit = taken + call.audit
                raise

    def denied(self, reason: str, caller: Caller, method: str, resource: str) -> None:
        """Count a refused call; the first of its sort is written at once."""
        known = caller.principal
        who = (known.name, known.on_behalf_of) if known else (host_of(caller.peer),)
        table = self._refused if known else self._strangers
        sort = (method, reason, project_part(named(resource)))

        def make(told: int) -> event_pb2.Event:
            """Tell all of it, or less where many sorts are counted as one."""
            return self.entry(
                access_pb2.AUDIT_KIND_DENIAL,
                caller if told else Caller(),
                method if told == Sorts.ALL else "",
                resource if told == Sorts.ALL else "",
                denial=reason,
            )

        self._put(table.count(who, sort, (reason,), make))

    def authenticated_again(self, known: Principal, peer: str) -> bool:
        """Count an accepted credential that was counted in this window; False where it was not.

        Every call asks, and mostly it is all that there is to do.
        """
        who = (known.name, known.on_behalf_of)
        return self._accepted.again(who, (known.credential, host_of(peer)))

    def authenticated(self, caller: Caller, method: str) -> None:
        """Count an accepted credential, by who it is and from which host it comes."""
        known = caller.principal
        assert known
        who = (known.name, known.on_behalf_of)
        sort = (known.credential, host_of(caller.peer))

        def make(told: int) -> event_pb2.Event:
            return self.entry(
                access_pb2.AUDIT_KIND_AUTHENTICATION, caller if told else Caller(), method, ""
            )

        self._put(self._accepted.count(who, sort, (), make))

    async def run(self) -> None:
        """Write what comes, for ever, and at the end of each window what was counted."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._window_s
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ends_at):
                    await self._wake.wait()
            if loop.time() >= ends_at:
                ends_at = loop.time() + self._window_s
                self._end_window()
            if not await self._write():
                await asyncio.sleep(RETRY_S)
                self._wake.set()

    async def close(self) -> None:
        """Write everything that was counted and what waits."""
        self._end_window()
        await self._write()

    def _end_window(self) -> None:
        for table in (self._strangers, self._refused, self._accepted):
            for entry in table.end():
                self._put(entry)

    def _put(self, entry: event_pb2.Event | None) -> None:
        if entry is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            log.error("the store refuses audit entries; one of %s is lost", entry.resource)
            return
        self._waiting.append(entry)
        self._wake.set()

    async def _write(self) -> bool:
        """Commit what waits; False where that failed and it waits on."""
        self._wake.clear()
        taken, self._waiting = self._waiting, []
        if not taken:
            return True
        try:
            await self._store.append(taken)
        except BaseException as error:
            # Where it was committed all the same, the entry's id makes a repeat of it one entry.
            self._waiting = taken + self._waiting
            if not isinstance(error, Exception):
                raise
            log.error("%d audit entries wait: the store refuses them", len(taken), exc_info=error)
            return False
        return True


def host_of(peer: str) -> str:
    """Return the address of a peer without its port, so that a new connection is no new caller."""
    return peer.rpartition(":")[0] if peer.startswith("ipv") else peer
