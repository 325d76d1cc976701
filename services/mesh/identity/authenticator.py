"""Who calls: from what a call shows to a principal, or a refusal.

A bearer token comes before a certificate, so that a front door with a certificate of its own
can hand people's calls on. What was proved is remembered by the token's digest, and every call
asks whether it still holds: a revoked key, a removed signing key and a changed owner's token
count from the next call on.
"""

import dataclasses
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from services.mesh.access.policy import Key
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity import api_keys
from services.mesh.identity.key_holders import KeyHolders
from services.mesh.identity.local import owner_token_path
from services.mesh.identity.owner import OwnerToken
from services.mesh.identity.peer import principal_of
from services.mesh.identity.principal import Kind, Principal
from services.mesh.identity.refusals import (
    MAX_TOKEN_BYTES,
    is_principal,
    no_identity,
    not_accepted,
)
from services.mesh.identity.tokens import Tokens, is_signed_token

TOKEN_HEADER: Final = "authorization"
ON_BEHALF_OF_HEADER: Final = "adjutant-on-behalf-of"
_SCHEME: Final = "bearer "


class _Credentials(Protocol):
    """One kind of token. `digest` is the token's SHA-256."""

    def known(self, token: str, digest: bytes) -> Principal | None:
        """Return who shows it, where that can be told without waiting."""

    async def prove(self, token: str, digest: bytes) -> Principal:
        """Return who shows it. AdjutantError for a token that is not accepted."""

    def has_ended(self, token: str, digest: bytes) -> bool:
        """Tell whether one that was accepted is certainly not any more, its time aside."""


class Authenticator:
    """Tells who calls."""

    def __init__(
        self,
        settings: MeshSettings,
        find_key: Callable[[str], Awaitable[Key | None]],
        present_key: Callable[[str], Key | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take where API keys are found.

        `find_key` may look elsewhere for one that it does not know; `present_key` looks in
        memory only, and without it `known` knows no API key. `clock` gives seconds since 1970.
        """
        self._owner = OwnerToken(owner_token_path(settings))
        self._tokens = Tokens(settings, clock)
        self._administrators = frozenset(settings.administrators)
        self._keys = KeyHolders(find_key, present_key)

    async def start(self) -> None:
        """See that the owner's token can be used. OSError, ValueError."""
        self._owner.require()

    async def close(self) -> None:
        """Let go of what is under way."""
        self._keys.close()
        await self._tokens.close()

    def known(
        self, metadata: Mapping[str, str | bytes], peer_identities: Sequence[str | bytes]
    ) -> Principal | None:
        """Return who calls where that can be told without waiting; None where `authenticate` must.

        Raises what `authenticate` does.
        """
        token = _bearer(metadata)
        if token is None:
            principal = self._with_rank(principal_of(peer_identities))
        else:
            principal = self._credentials(token).known(token, _digest(token))
        return principal and _with_actor(principal, metadata)

    async def authenticate(
        self, metadata: Mapping[str, str | bytes], peer_identities: Sequence[str | bytes]
    ) -> Principal:
        """Return who calls.

        UNAUTHENTICATED where nothing is shown, INVALID_CREDENTIAL where it is not accepted,
        RATE_LIMITED for too many wrong ones, ACCESS_UNKNOWN where it cannot be told just now,
        PERMISSION_DENIED for whoever is no service and speaks for others.
        """
        if principal := self.known(metadata, peer_identities):
            return principal
        token = _bearer(metadata)
        if token is None:
            raise no_identity()
        principal = await self._credentials(token).prove(token, _digest(token))
        return _with_actor(principal, metadata)

    def has_ended(self, metadata: Mapping[str, str | bytes]) -> bool:
        """Tell whether what a call was let in by is certainly not accepted any more.

        What cannot be told just now goes on; when the credential's own time is over, its
        principal says. A certificate holds as long as its connection.
        """
        token = _bearer(metadata)
        return token is not None and self._credentials(token).has_ended(token, _digest(token))

    def _with_rank(self, principal: Principal | None) -> Principal | None:
        """Return a certificate's principal as the administrator that the settings may name."""
        if principal is None or principal.kind is not Kind.USER:
            return principal
        is_named = principal.name in self._administrators
        return dataclasses.replace(principal, administrator=is_named)

    def _credentials(self, token: str) -> _Credentials:
        if token.startswith(api_keys.PREFIX):
            return self._keys
        return self._tokens if is_signed_token(token) else self._owner


def _bearer(metadata: Mapping[str, str | bytes]) -> str | None:
    """Return the token that a call shows; None where it shows none. INVALID_CREDENTIAL."""
    value = metadata.get(TOKEN_HEADER)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_TOKEN_BYTES or not value.isascii():
        raise not_accepted()
    if value[: len(_SCHEME)].lower() != _SCHEME:
        raise not_accepted("The header `authorization` is not understood. Send `Bearer <token>`.")
    return value[len(_SCHEME) :].strip()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _with_actor(principal: Principal, metadata: Mapping[str, str | bytes]) -> Principal:
    """Return the principal with whom it speaks for, where it says so."""
    name = metadata.get(ON_BEHALF_OF_HEADER)
    if name is None:
        return principal
    if principal.kind is not Kind.SERVICE:
        raise AdjutantError(
            "PERMISSION_DENIED",
            f"Only services may send {ON_BEHALF_OF_HEADER}. Leave the header out.",
        )
    if not isinstance(name, str) or not is_principal(name):
        raise not_accepted(f"The header {ON_BEHALF_OF_HEADER} names nobody. Send a principal.")
    return dataclasses.replace(principal, on_behalf_of=name)
