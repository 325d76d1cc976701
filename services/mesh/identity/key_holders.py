"""Programs that show an API key."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.mesh.access.policy import Key
from services.mesh.errors import AdjutantError
from services.mesh.identity.api_keys import SecretChecker, split
from services.mesh.identity.attempts import Attempts
from services.mesh.identity.lru import Lru
from services.mesh.identity.principal import ApiKeyGrant, Kind, Principal
from services.mesh.identity.refusals import not_accepted

FindKey = Callable[[str], Awaitable[Key | None]]
"""Returns the present record of a key id. ACCESS_UNKNOWN where it cannot be told."""
PresentKey = Callable[[str], Key | None]
"""Returns the record of a key id that is in memory; None where it is not."""

_REMEMBERED: Final = 10_000


@dataclass(frozen=True)
class _Shown:
    """A token whose secret was right for a record."""

    key: Key
    principal: Principal


class KeyHolders:
    """Knows programs by their keys; each call looks at the key's present record."""

    def __init__(self, find_key: FindKey, present_key: PresentKey | None) -> None:
        self._find_key = find_key
        self._present_key = present_key
        self._checker = SecretChecker()
        self._attempts = Attempts()
        self._shown: Lru[bytes, _Shown] = Lru(_REMEMBERED)
        self._checking: dict[tuple[bytes, str], asyncio.Future[bool]] = {}

    def known(self, token: str, digest: bytes) -> Principal | None:
        """Return who shows a token that was seen before and still holds."""
        shown = self._shown.get(digest)
        if shown is None or self._present_key is None:
            return None
        return self._still(digest, shown, self._present_key(shown.key.key_id))

    def has_ended(self, token: str, digest: bytes) -> bool:
        """Tell whether a key that was good is certainly not any more."""
        key = self._present_key(split(token)[0]) if self._present_key else None
        return key is not None and not _holds(key)

    async def prove(self, token: str, digest: bytes) -> Principal:
        """Return who shows a token. INVALID_CREDENTIAL, RATE_LIMITED, ACCESS_UNKNOWN."""
        key_id, secret = split(token)
        key = await self._find_key(key_id)
        if key is None or not _holds(key):
            raise not_accepted()
        shown = self._shown.get(digest)
        if shown and (principal := self._still(digest, shown, key)):
            return principal
        if not await self._is_right(digest, secret, key):
            raise not_accepted()
        return self._remember(digest, key)

    def close(self) -> None:
        """End the thread that checks secrets."""
        self._checker.close()

    def _still(self, digest: bytes, shown: _Shown, key: Key | None) -> Principal | None:
        """Return who it is where the present record is the one that the secret was right for."""
        if key is None or not _holds(key):
            return None
        if key is shown.key:
            return shown.principal
        if (key.salt, key.digest) != (shown.key.salt, shown.key.digest):
            self._shown.drop(digest)
            return None
        return self._remember(digest, key)  # what it may do has changed

    def _remember(self, digest: bytes, key: Key) -> Principal:
        principal = _principal_of(key)
        self._shown.put(digest, _Shown(key, principal))
        return principal

    async def _is_right(self, digest: bytes, secret: str, key: Key) -> bool:
        """Check a secret, once for all who show it at the same time."""
        question = (digest, key.digest)
        checking = self._checking.get(question)
        if checking is None:
            checking = asyncio.ensure_future(self._check(secret, key))
            self._checking[question] = checking
            checking.add_done_callback(lambda done: self._forget(question, done))
        return await asyncio.shield(checking)

    def _forget(self, question: tuple[bytes, str], done: "asyncio.Future[bool]") -> None:
        self._checking.pop(question, None)
        if not done.cancelled():
            done.exception()  # those who wait have it; where nobody does any more, it is nothing

    async def _check(self, secret: str, key: Key) -> bool:
        self._attempts.take(key.key_id)
        try:
            is_right = await self._checker.matches(secret, key)
        except AdjutantError:
            self._attempts.give_back(key.key_id)  # it was not looked at
            raise
        except ValueError:
            return False  # a record that holds no digest lets nobody in
        if is_right:
            self._attempts.give_back(key.key_id)
        return is_right


def _holds(key: Key) -> bool:
    return not key.revoked and (key.expire_time is None or datetime.now(UTC) < key.expire_time)


def _principal_of(key: Key) -> Principal:
    return Principal(
        name=key.name,
        kind=Kind.API_KEY,
        credential=key.name,
        expire_time=key.expire_time,
        api_key=ApiKeyGrant(key.key_id, key.scope, frozenset(key.permissions)),
    )
