"""Public keys, and sets of them as RFC 7517 writes them (JWKS)."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MAX_JWKS_BYTES: Final = 256 * 1024
MIN_RSA_BITS: Final = 2048

AnyPublicKey = RSAPublicKey | Ed25519PublicKey | EllipticCurvePublicKey


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with, and by which algorithm alone."""

    key_id: str
    """What the tokens that it signed call it (`kid`); may be empty."""
    algorithm: str
    """The one algorithm that it is for, which follows from its kind and not from a token."""
    key: AnyPublicKey
    thumbprint: str
    """Digest of the key itself."""


@dataclass(frozen=True)
class KeySet:
    """The keys of one issuer at one time."""

    keys: tuple[PublicKey, ...]

    def has(self, key: PublicKey) -> bool:
        """Tell whether a key is still among them."""
        return any(key.thumbprint == other.thumbprint for other in self.keys)

    def find(self, key_id: str | None, algorithm: str) -> PublicKey | None:
        """Return the key that a token's header means; without a key id, the only one there is."""
        found = [
            key
            for key in self.keys
            if key.algorithm == algorithm and (key_id is None or key.key_id == key_id)
        ]
        return found[0] if len(found) == 1 else None


def public_key(key: Any, key_id: str | None = None) -> PublicKey | None:
    """Return a key with its algorithm; None where it is of a kind that we do not take.

    Its id is its thumbprint where none is given.
    """
    match key:
        case RSAPublicKey() if key.key_size >= MIN_RSA_BITS:
            algorithm = "RS256"
        case Ed25519PublicKey():
            algorithm = "EdDSA"
        case EllipticCurvePublicKey() if isinstance(key.curve, SECP256R1):
            algorithm = "ES256"
        case _:
            return None
    encoded = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    thumbprint = hashlib.sha256(encoded).hexdigest()
    return PublicKey(thumbprint[:16] if key_id is None else key_id, algorithm, key, thumbprint)


def parse_jwks(content: bytes) -> KeySet:
    """Return the keys of a JWKS that can be used. ValueError where there is none.

    Shared and private keys are passed over: what is published is not what one can trust.
    """
    if len(content) > MAX_JWKS_BYTES:
        raise ValueError(f"a JWKS of more than {MAX_JWKS_BYTES} bytes")
    try:
        entries = json.loads(content)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("it is no JWKS: a JSON object with `keys`") from error
    keys = tuple(_usable(entries if isinstance(entries, list) else ()))
    if not keys:
        raise ValueError("the JWKS holds no public key for RS256, ES256 or EdDSA")
    return KeySet(keys)


def read_jwks(path: Path) -> KeySet:
    """Return the keys of a JWKS file. OSError, ValueError."""
    return parse_jwks(path.read_bytes())


def _usable(entries: Iterable[Any]) -> Iterable[PublicKey]:
    for entry in entries:
        if isinstance(entry, Mapping) and (key := _key_of(entry)):
            yield key


def _key_of(entry: Mapping[str, Any]) -> PublicKey | None:
    if entry.get("use", "sig") != "sig" or "d" in entry or entry.get("kty") == "oct":
        return None
    try:
        parsed = jwt.PyJWK(dict(entry)).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None  # of a kind that is not known here
    key_id = entry.get("kid")
    key = public_key(parsed, key_id if isinstance(key_id, str) else "")
    return key if key and entry.get("alg", key.algorithm) == key.algorithm else None
