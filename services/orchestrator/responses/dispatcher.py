"""Has responses made: which one when, and no more at once than is allowed.

Each replica looks at all that have not ended, begins those whose turn it is (`turns.py`) while
it has room, and leaves those to others whose session's lease they hold. A response whose maker is
gone is found the same way, as soon as the lease has lapsed.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from services.mesh import tasks
from services.mesh.errors import AdjutantError
from services.mesh.events.log import TRANSIENT, EventLog
from services.mesh.lease import Leases
from services.mesh.names import collection_and_id
from services.mesh.store import Store
from services.orchestrator.responses.maker import PASSING, Maker
from services.orchestrator.responses.response import RESPONSES, UNFINISHED, ResponseRecord
from services.orchestrator.responses.turns import in_turn

LOOK_S: Final = 1.0
"""Seconds between two looks, although nobody told of anything."""
RETRY_S: Final = 1.0
MAX_RETRY_S: Final = 30.0
SUBJECT: Final = "adjutant.look.responses"
"""Where replicas tell each other to look: there is something to begin, or to cancel."""

log = logging.getLogger(__name__)


@dataclass
class _Making:
    """A response that is made here."""

    name: str
    cancel: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Dispatcher:
    """Begins responses in this process, and cancels them."""

    def __init__(
        self,
        store: Store,
        leases: Leases,
        event_log: EventLog,
        maker: Maker,
        *,
        at_once: int,
        per_user: int,
    ) -> None:
        self._store = store
        self._leases = leases
        self._log = event_log
        self._maker = maker
        self._at_once = at_once
        self._per_user = per_user
        self._look = asyncio.Event()
        self._making: dict[str, _Making] = {}
        """What is made here, by its session: to its own holder a lease is free."""
        self._not_before: dict[str, float] = {}
        self._failures: Counter[str] = Counter()
        self._closing = False

    async def tell(self) -> None:
        """Have every replica look soon, this one too."""
        self._look.set()
        with contextlib.suppress(*TRANSIENT):  # they look by themselves before long
            await self._log.client.publish(SUBJECT, b"")

    async def run(self) -> None:
        """Look for ever."""
        listening = await self._log.client.subscribe(SUBJECT, cb=self._heard)
        try:
            while True:
                self._look.clear()
                try:
                    await self._begin_what_may()
                except (AdjutantError, *TRANSIENT) as error:
                    log.warning("responses wait: %s", error)
                await tasks.happens(self._look, LOOK_S)
        finally:
            with contextlib.suppress(*TRANSIENT):
                await listening.unsubscribe()

    async def close(self) -> None:
        """Stop what is made here; it is made anew at the next start, or by another replica."""
        self._closing = True
        await tasks.end(making.task for making in self._making.values() if making.task)

    async def _heard(self, _: object) -> None:
        self._look.set()

    async def _begin_what_may(self) -> None:
        where = {"state": UNFINISHED}
        unfinished = [response async for response in self._store.scan(RESPONSES, where)]
        names = {response.name for response in unfinished}
        unwanted = {response.name for response in unfinished if response.cancel_requested}
        for making in self._making.values():
            # One that is not there any more was removed, with its session or project.
            if making.name in unwanted or making.name not in names:
                making.cancel.set()
        self._not_before = {n: t for n, t in self._not_before.items() if n in names}
        self._failures = Counter({n: c for n, c in self._failures.items() if n in names})
        for response in in_turn(unfinished, self._per_user):
            if len(self._making) >= self._at_once or self._closing:
                return
            if self._may_begin(response):
                self._begin(response)

    def _may_begin(self, response: ResponseRecord) -> bool:
        is_due = self._not_before.get(response.name, 0.0) <= time.monotonic()
        return is_due and response.session not in self._making

    def _begin(self, response: ResponseRecord) -> None:
        name, session = response.name, response.session
        making = self._making[session] = _Making(name)
        making.task = asyncio.create_task(self._make(response, making.cancel), name=f"make {name}")
        making.task.add_done_callback(lambda _: self._made(session))

    def _made(self, session: str) -> None:
        del self._making[session]
        self._look.set()

    async def _make(self, response: ResponseRecord, cancel: asyncio.Event) -> None:
        name = response.name
        try:
            async with self._leases.held(lease_key(response.session)) as lease:
                if lease:
                    log.info("%s is made here", name)
                    await self._maker.work(name, lease, cancel)
                else:
                    self._not_before[name] = time.monotonic() + LOOK_S
        except (AdjutantError, *TRANSIENT) as error:
            reason = error.reason if isinstance(error, AdjutantError) else PASSING[0]
            if reason == "NOT_FOUND":
                log.info("%s was removed while it was made", name)
            elif reason not in PASSING:
                log.exception("%s could not be made; it is tried again", name)
            else:
                log.warning("%s is made later: %s", name, error)
            self._put_off(name)
        except Exception:
            log.exception("%s could not be made; it is tried again", name)
            self._put_off(name)

    def _put_off(self, name: str) -> None:
        """Leave a response alone for a while, longer each time."""
        self._failures[name] += 1
        delay_s = min(RETRY_S * 2.0 ** (self._failures[name] - 1), MAX_RETRY_S)
        self._not_before[name] = time.monotonic() + delay_s


def lease_key(session: str) -> str:
    """Return the key of the lease to answer in a session; its id is unique in the mesh."""
    return f"session.{collection_and_id(session)[1]}"
