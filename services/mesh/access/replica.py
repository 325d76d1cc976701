"""The copy that this process has of who may do what, and how fresh it is."""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar, cast

from nats.js import api

from services.mesh.access.bucket import (
    STREAM,
    SUBJECT_PREFIX,
    PolicyBucket,
    place_of,
    place_of_key,
    policy_of,
)
from services.mesh.access.policy import Key, Node, Policy
from services.mesh.errors import AdjutantError
from services.mesh.events.log import RETRY_S, TRANSIENT, EventLog

log = logging.getLogger(__name__)
ASKED_AGAIN_S: Final = 0.5
"""Seconds for which what was not in the bucket is not asked for again."""
MAX_MISSES: Final = 10_000
P = TypeVar("P", bound=Policy)


class Replica:
    """Follows the bucket, and answers from memory."""

    def __init__(self, event_log: EventLog, max_stale_s: float) -> None:
        self._log = event_log
        self._bucket = PolicyBucket(event_log)
        self._max_stale_s = max_stale_s
        self._policies: dict[str, Policy] = {}
        self._missed: OrderedDict[str, float] = OrderedDict()
        self._following = False
        self._lost_at = time.monotonic()
        self._changed: list[Callable[[], None]] = []
        self.loaded = asyncio.Event()
        """Set when everything that stood in the bucket at first is here."""

    async def run(self) -> None:
        """Follow the bucket for ever."""
        while True:
            try:
                await self._follow()
            except (*TRANSIENT, AdjutantError) as error:
                self._lose()
                log.debug("the replica of access starts over: %r", error)
                await asyncio.sleep(RETRY_S)

    def on_change(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop whenever something changed."""
        self._changed.append(wake)

    def check_fresh(self) -> None:
        """Raise ACCESS_UNKNOWN where what is here is too old to decide by."""
        if self._following or time.monotonic() - self._lost_at < self._max_stale_s:
            return
        raise AdjutantError(
            "ACCESS_UNKNOWN",
            "Who may do what cannot be told while the event log is away; try again in a moment.",
            retry_after_s=1.0,
        )

    def node(self, name: str) -> Node | None:
        """Return a client, group or project as far as it is known here."""
        return cast("Node | None", self._policies.get(name))

    def key(self, key_id: str) -> Key | None:
        """Return an API key as far as it is known here."""
        return cast("Key | None", self._policies.get(place_of_key(key_id)))

    async def find_key(self, key_id: str) -> Key | None:
        """Return an API key, from the bucket where it is not here yet."""
        if found := self.key(key_id):
            return found
        await self.refresh(place_of_key(key_id))
        return self.key(key_id)

    async def refresh(self, *places: str) -> None:
        """Read what is not here, or may have changed a moment ago, from the bucket itself.

        A place is asked for no more than twice a second: who guesses names must not
        make the bucket work.
        """
        due = [place for place in places if self._is_due(place)]
        try:
            found = await asyncio.gather(*(self._bucket.get(place) for place in due))
        except AdjutantError as error:
            log.debug("the bucket of access does not answer: %s", error)
            return
        for policy in found:
            if policy is not None:
                self._take(policy)

    def _is_due(self, place: str) -> bool:
        now = time.monotonic()
        if now - self._missed.pop(place, 0.0) < ASKED_AGAIN_S:
            return False
        self._missed[place] = now
        while len(self._missed) > MAX_MISSES:
            self._missed.popitem(last=False)
        return True

    async def _follow(self) -> None:
        await self._bucket.open()
        config = api.ConsumerConfig(deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT)
        async with self._log.pull([f"{SUBJECT_PREFIX}>"], config, stream=STREAM) as pull:
            waiting = pull.pending
            self._following = not waiting
            if not waiting:
                self.loaded.set()
            async for message in pull.messages():
                self._read(message.subject.removeprefix(SUBJECT_PREFIX), message.data)
                waiting -= 1
                if waiting == 0:
                    self._following = True
                    self.loaded.set()

    def _read(self, place: str, content: bytes) -> None:
        try:
            self._take(policy_of(place, content))
        except ValueError:
            log.error("%s in the bucket of access cannot be read; who else writes there?", place)

    def _take(self, policy: Policy) -> None:
        place = place_of(policy)
        known = self._policies.get(place)
        if known is None or known.revision < policy.revision:
            self._policies[place] = policy
            self._missed.pop(place, None)
            for wake in self._changed:
                wake()

    def _lose(self) -> None:
        if self._following:
            self._following = False
            self._lost_at = time.monotonic()
