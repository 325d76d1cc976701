"""Signed tokens (JWT): of people, by the issuers that the settings name, and of services.

What a token says of itself decides nothing: its issuer picks the set of keys, and the key's
kind the algorithm. Headers that point elsewhere (`jku`, `x5u`, `jwk`, `x5c`) are not looked at.
"""

import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity.issuer import MESH_ISSUER, Issuer
from services.mesh.identity.jwks import KeySet, PublicKey
from services.mesh.identity.key_sources import KeySource, key_source
from services.mesh.identity.lru import Lru
from services.mesh.identity.principal import OWNER_NAME, Kind, Principal
from services.mesh.identity.refusals import is_person, is_service, not_accepted
from services.mesh.identity.service_keys import ServiceKeys
from services.mesh.identity.service_token import ALGORITHM, AUDIENCE

_REMEMBERED: Final = 10_000
_SERVICE_LEEWAY_S: Final = 30.0
_REQUIRED: Final = ("exp", "sub", "aud", "iss")
# What parsing a stranger's bytes may raise: theirs is the fault, whatever it is.
_UNREADABLE: Final = (
    jwt.PyJWTError,
    ValueError,
    TypeError,
    KeyError,
    OverflowError,
    OSError,
    RecursionError,
    NotImplementedError,
)
_CAUSES: Final[Mapping[type[jwt.PyJWTError], str]] = {
    # Said only after the signature was found right, so to nobody who makes tokens up.
    jwt.ExpiredSignatureError: "The token has expired. Sign in again for a new one.",
    jwt.ImmatureSignatureError: "The token is not valid yet. Compare the clocks, and try again.",
    jwt.InvalidAudienceError: "The token is for another audience. Ask for one for this mesh.",
}


@dataclass(frozen=True)
class Trust:
    """An issuer, as tokens are checked against it."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    leeway_s: float
    keys: KeySource
    principal: Callable[[str, datetime], Principal]
    """Returns who a subject is, with the token's end. INVALID_CREDENTIAL for nobody."""


@dataclass(frozen=True)
class _Shown:
    """A token that was found good."""

    principal: Principal
    ends_at: float
    """Seconds since 1970."""
    trust: Trust
    key: PublicKey
    keys: KeySet
    """The set that the key was last seen in: while it is the same object nothing is searched."""


class Tokens:
    """Knows people and services by their signed tokens."""

    def __init__(self, settings: MeshSettings, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._trusted = {trust.issuer: trust for trust in _trusted(settings)}
        self._shown: Lru[bytes, _Shown] = Lru(_REMEMBERED)

    def known(self, token: str, digest: bytes) -> Principal | None:
        """Return who shows a token that was found good before and still is."""
        shown = self._shown.get(digest)
        if shown is None:
            return None
        if self._clock() >= shown.ends_at:
            self._shown.drop(digest)
            return None
        keys = shown.trust.keys.present()
        if keys is None or (keys is not shown.keys and not keys.has(shown.key)):
            return None
        return shown.principal

    def has_ended(self, token: str, digest: bytes) -> bool:
        """Tell whether the key that signed a token was certainly taken back since."""
        shown = self._shown.get(digest)
        keys = shown.trust.keys.present() if shown else None
        return bool(shown and keys and keys is not shown.keys and not keys.has(shown.key))

    async def prove(self, token: str, digest: bytes) -> Principal:
        """Return who shows a token. INVALID_CREDENTIAL, ACCESS_UNKNOWN."""
        header, issuer = _unverified(token)
        trust = self._trusted.get(issuer)
        if trust is None or header.get("alg") not in trust.algorithms or "crit" in header:
            raise not_accepted()
        keys, key = await self._key(trust, header)
        claims = _verified(token, trust, key)
        shown = self._understood(claims, trust, key, keys)
        self._shown.put(digest, shown)
        return shown.principal

    async def close(self) -> None:
        """Let go of what is under way."""
        for trust in self._trusted.values():
            await trust.keys.close()

    async def _key(self, trust: Trust, header: Mapping[str, Any]) -> tuple[KeySet, PublicKey]:
        """Return the key that a header means, and the set that it is of."""
        key_id = header.get("kid")
        if key_id is not None and not isinstance(key_id, str):
            raise not_accepted()
        keys = await trust.keys.current()
        key = keys.find(key_id, header["alg"])
        if key is None:
            keys = await trust.keys.renewed()
            key = keys.find(key_id, header["alg"])
        if key is None:
            raise not_accepted()
        return keys, key

    def _understood(
        self, claims: Mapping[str, Any], trust: Trust, key: PublicKey, keys: KeySet
    ) -> _Shown:
        try:
            ends_at = float(claims["exp"]) + trust.leeway_s
            ends = datetime.fromtimestamp(ends_at, UTC)
        except _UNREADABLE as error:
            raise not_accepted() from error
        return _Shown(trust.principal(claims["sub"], ends), ends_at, trust, key, keys)


def is_signed_token(token: str) -> bool:
    """Tell whether a token has the form of a signed one."""
    return token.count(".") == 2


def _unverified(token: str) -> tuple[Mapping[str, Any], str]:
    """Return what a token says of itself, to pick the keys that will tell whether it is true."""
    try:
        header = jwt.get_unverified_header(token)
        payload = token.split(".")[1]
        claims = json.loads(binascii.a2b_base64(_padded(payload)))
        issuer = claims["iss"]
    except _UNREADABLE as error:
        raise not_accepted() from error
    if not isinstance(issuer, str):
        raise not_accepted()
    return header, issuer


def _padded(text: str) -> bytes:
    return text.replace("-", "+").replace("_", "/").encode() + b"=" * (-len(text) % 4)


def _verified(token: str, trust: Trust, key: PublicKey) -> Mapping[str, Any]:
    """Return the claims of a token that is signed with the key and good now."""
    try:
        return jwt.decode(
            token,
            key.key,
            algorithms=[key.algorithm],
            audience=trust.audience,
            issuer=trust.issuer,
            leeway=trust.leeway_s,
            options={"require": list(_REQUIRED)},
        )
    except _UNREADABLE as error:
        raise not_accepted(_CAUSES.get(type(error), "")) from error  # type: ignore[arg-type]  # others have none


def _trusted(settings: MeshSettings) -> Iterable[Trust]:
    aliases = frozenset(issuer.alias for issuer in settings.jwt_issuers if issuer.alias)
    for issuer in settings.jwt_issuers:
        yield Trust(
            issuer.issuer,
            issuer.audience,
            issuer.algorithms,
            issuer.leeway_s,
            key_source(issuer),
            _people(issuer, aliases, frozenset(settings.administrators)),
        )
    if settings.tls != "mutual":
        yield Trust(
            MESH_ISSUER,
            AUDIENCE,
            (ALGORITHM,),
            _SERVICE_LEEWAY_S,
            ServiceKeys(settings),
            _service,
        )


def _people(
    issuer: Issuer, aliases: frozenset[str], administrators: frozenset[str]
) -> Callable[[str, datetime], Principal]:
    def person(subject: str, ends: datetime) -> Principal:
        name = f"users/{issuer.alias}:{subject}" if issuer.alias else f"users/{subject}"
        is_anothers = not issuer.alias and subject.partition(":")[0] in aliases
        if not is_person(name) or name == OWNER_NAME or is_anothers:
            raise _nobody()
        return Principal(
            name=name,
            kind=Kind.USER,
            credential=f"token of {issuer.issuer}",
            administrator=name in administrators,
            expire_time=ends,
        )

    return person


def _service(subject: str, ends: datetime) -> Principal:
    if not is_service(subject):
        raise not_accepted()
    return Principal(subject, Kind.SERVICE, "service token", expire_time=ends)


def _nobody() -> AdjutantError:
    return not_accepted(
        "The token's subject cannot be a name here: it is reserved, or has other characters than "
        "letters, digits and . _ @ + | : -. Ask its issuer for another subject."
    )
