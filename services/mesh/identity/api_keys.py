"""API keys: `adj_<key id>_<secret>`, of which only a digest is kept.

The digest is Argon2id with OWASP's smallest parameters, some 25 ms. It is made in one
thread of its own with a bounded queue, so that wrong keys can neither take the machine's
processors nor its memory. An unknown key id is refused without it: ids are random, so the
time of an answer tells whether an id exists, and nothing that helps to find a secret.
"""

import asyncio
import hmac
import secrets
import string
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from services.mesh.access.policy import Key
from services.mesh.errors import AdjutantError
from services.mesh.identity.refusals import not_accepted

PREFIX: Final = "adj_"
SECRET_LENGTH: Final = 43
"""Letters and digits: 256 random bits."""
QUEUE_SIZE: Final = 32
"""Digests that may wait for the thread; whoever comes then is told to come back."""
_ID_LENGTH: Final = 16
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 32
_MEMORY_KIB: Final = 19 * 1024
_ITERATIONS: Final = 2
_LANES: Final = 1
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits
_ID_ALPHABET: Final = string.ascii_lowercase + string.digits


@dataclass(frozen=True)
class NewToken:
    """A token that was just made; it is shown once, and its secret is kept nowhere."""

    key_id: str
    """Finds the key again."""
    token: str
    """The whole of it, for the one who asked."""
    salt: str
    """Of the digest, in hex."""
    digest: str
    """Argon2id of the secret, in hex."""


def make_token() -> NewToken:
    """Return a new token. It takes some 25 ms; in an event loop use `asyncio.to_thread`."""
    key_id = _random(_ID_ALPHABET, _ID_LENGTH)
    secret = _random(_SECRET_ALPHABET, SECRET_LENGTH)
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = digest_of(secret, salt)
    return NewToken(key_id, f"{PREFIX}{key_id}_{secret}", salt.hex(), digest.hex())


def split(token: str) -> tuple[str, str]:
    """Return the key id and the secret of a token. INVALID_CREDENTIAL where it is none of ours."""
    key_id, _, secret = token.removeprefix(PREFIX).partition("_")
    is_whole = len(key_id) == _ID_LENGTH and set(key_id) <= set(_ID_ALPHABET)
    if not (is_whole and len(secret) == SECRET_LENGTH and set(secret) <= set(_SECRET_ALPHABET)):
        raise not_accepted()
    return key_id, secret


def digest_of(secret: str, salt: bytes) -> bytes:
    """Return Argon2id of a secret; some 25 ms and 19 MiB."""
    return Argon2id(
        salt=salt,
        length=_DIGEST_BYTES,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    ).derive(secret.encode())


def matches(secret: str, key: Key) -> bool:
    """Tell whether a secret is a key's; some 25 ms. ValueError where the record is no record."""
    expected = bytes.fromhex(key.digest)
    return hmac.compare_digest(digest_of(secret, bytes.fromhex(key.salt)), expected)


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))


class SecretChecker:
    """Checks secrets in one thread, and so many at a time."""

    def __init__(self, queue_size: int = QUEUE_SIZE) -> None:
        self._queue_size = queue_size
        self._waiting = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="api-keys")

    async def matches(self, secret: str, key: Key) -> bool:
        """Tell whether a secret is a key's. RATE_LIMITED while too many others ask."""
        if self._waiting >= self._queue_size:
            raise AdjutantError(
                "RATE_LIMITED",
                "Too many API keys are being checked just now. Try again in a moment.",
                retry_after_s=1.0,
            )
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, matches, secret, key)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
