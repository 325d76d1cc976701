"""The bucket in which every service finds who may do what.

The orchestrator puts a policy whenever its record has changed. A lower revision
never replaces a higher one, so replicas that put at once cannot undo each other.
"""

import contextlib
from collections.abc import Iterator
from typing import Final

from nats.js import api
from nats.js.errors import (
    BadRequestError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
)
from nats.js.kv import KeyValue

from services.mesh.access.policy import Key, Node, Policy
from services.mesh.errors import AdjutantError
from services.mesh.events.log import EventLog, unavailable

BUCKET: Final = "adjutant_access"
STREAM: Final = f"KV_{BUCKET}"
SUBJECT_PREFIX: Final = f"$KV.{BUCKET}."
_KEYS: Final = "keys/"


def place_of(policy: Policy) -> str:
    """Return where a policy stands in the bucket."""
    return _KEYS + policy.key_id if isinstance(policy, Key) else policy.name


def place_of_key(key_id: str) -> str:
    """Return where an API key stands in the bucket."""
    return _KEYS + key_id


def policy_of(place: str, content: bytes) -> Policy:
    """Return what stands at a place. ValueError where it cannot be read."""
    kind = Key if place.startswith(_KEYS) else Node
    return kind.model_validate_json(content)


class PolicyBucket:
    """Puts and reads policies. Every method may raise EVENT_LOG_UNAVAILABLE."""

    def __init__(self, event_log: EventLog) -> None:
        self._log = event_log
        self._bucket: KeyValue | None = None

    async def put(self, policy: Policy) -> None:
        """Put a policy where no newer one stands."""
        place, content = place_of(policy), policy.model_dump_json().encode()
        with self._available():
            bucket = await self.open()
            while not await self._try_put(bucket, place, content, policy.revision):
                continue

    async def get(self, place: str) -> Policy | None:
        """Return what stands at a place, or None."""
        with self._available():
            found, _ = await self._entry(await self.open(), place)
        return policy_of(place, found.value or b"") if found else None

    async def open(self) -> KeyValue:
        """Return the bucket, making it where it is missing."""
        if self._bucket is None:
            config = api.KeyValueConfig(bucket=BUCKET, storage=api.StorageType.FILE, history=1)
            try:
                self._bucket = await self._log.jetstream.create_key_value(config)
            except BadRequestError:  # it was made with other settings
                self._bucket = await self._log.jetstream.key_value(BUCKET)
        return self._bucket

    async def _try_put(self, bucket: KeyValue, place: str, content: bytes, revision: int) -> bool:
        """Put unless something newer is there; False where somebody else was faster."""
        found, last = await self._entry(bucket, place)
        if found and policy_of(place, found.value or b"").revision >= revision:
            return True
        try:
            await bucket.update(place, content, last=last)
        except KeyWrongLastSequenceError:
            return False
        return True

    async def _entry(self, bucket: KeyValue, place: str) -> tuple[KeyValue.Entry | None, int]:
        """Return what stands at a place, and the revision that a new one must follow."""
        try:
            found = await bucket.get(place)
        except KeyNotFoundError as error:
            # Where somebody removed it, the removal has a revision.
            return None, (error.entry.revision or 0) if error.entry else 0
        return found, found.revision or 0

    @contextlib.contextmanager
    def _available(self) -> Iterator[None]:
        try:
            with unavailable():
                yield
        except AdjutantError:
            self._bucket = None  # it may be gone for good; the next call looks anew
            raise
