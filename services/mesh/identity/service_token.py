"""Tokens of services: short-lived JWTs, signed with the key that the services of a mesh share.

They are for machines where services meet on loopback or behind a server's certificate. Whoever
has the key can be any service; where services must not be able to pass for each other, each has
a certificate of its own (`ADJUTANT_TLS=mutual`) and these tokens are not taken.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.mesh.config import MeshSettings
from services.mesh.identity.files import Watched, read_private
from services.mesh.identity.issuer import MESH_ISSUER
from services.mesh.identity.jwks import PublicKey, public_key
from services.mesh.identity.local import mesh_key_path

ALGORITHM: Final = "EdDSA"
AUDIENCE: Final = "adjutant"
LIFETIME_S: Final = 300.0
RENEW_AFTER_S: Final = 150.0
"""Seconds after which a service makes itself a new one: no call shows one that is about to end."""


def bearer(settings: MeshSettings, clock: Callable[[], float] = time.time) -> Callable[[], str]:
    """Return what gives the service's own token, made anew when half of its time is over.

    The key's file is read again when it changes. OSError, ValueError where it cannot be used.
    """
    path = mesh_key_path(settings)
    key = Watched(path, read_private_key)
    try:
        key.get()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"the mesh's key is not at {path}, so {settings.service} cannot show who it is; give "
            "it that of the other services, or run `adjutant auth init` where there is none yet"
        ) from None
    made_at, made_with, token = -float("inf"), None, ""

    def current() -> str:
        nonlocal made_at, made_with, token
        now, present = clock(), key.get()
        if present is not made_with or not 0 <= now - made_at < RENEW_AFTER_S:
            token = make_service_token(settings.service, present, now)
            made_at, made_with = now, present
        return token

    return current


def make_service_token(service: str, key: Ed25519PrivateKey, now: float) -> str:
    """Return a token of a service that is good from now on; `now` is in seconds since 1970."""
    claims = {
        "iss": MESH_ISSUER,
        "sub": f"services/{service}",
        "aud": AUDIENCE,
        "iat": int(now),
        "exp": int(now + LIFETIME_S),
    }
    return jwt.encode(claims, key, ALGORITHM, headers={"kid": known_key(key.public_key()).key_id})


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Return an Ed25519 key from a PEM file that only its owner reads. OSError, ValueError."""
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} holds no private key in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path} holds a key of another kind than Ed25519")
    return key


def read_public_key(path: Path) -> PublicKey:
    """Return an Ed25519 public key from a PEM file. OSError, ValueError."""
    return known_key(serialization.load_pem_public_key(path.read_bytes()))


def known_key(key: object) -> PublicKey:
    """Return a public key of the mesh. ValueError for a key of another kind."""
    known = public_key(key)
    if known is None or known.algorithm != ALGORITHM:
        raise ValueError("the mesh's key is a key of another kind than Ed25519")
    return known
