"""Master keys: what the keys of secrets are wrapped with, behind one port."""

import hashlib
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.mesh.secrets import ring_file
from services.mesh.secrets.ring_file import KEY_BYTES, MasterKeysError, decoded_key

ENVIRONMENT_VARIABLE: Final = "ADJUTANT_MASTER_KEY"
NONCE_BYTES: Final = 12


class UnknownMasterKeyError(LookupError):
    """The master key that something was wrapped with is not there."""


@dataclass(frozen=True)
class WrappedKey:
    """A data key as it may be stored."""

    master_key: str
    """Id of the master key that wraps it."""
    nonce: bytes
    """What the wrapping used beside the key; empty where the KMS keeps its own."""
    key: bytes
    """The data key, encrypted."""


class MasterKeys(Protocol):
    """Wraps and unwraps data keys; whoever has it never sees a master key.

    Every method may raise MasterKeysError where the keys cannot be read.
    """

    async def current_id(self) -> str:
        """Return the id of the key that `wrap` uses now."""

    async def wrap(self, data_key: bytes, aad: bytes) -> WrappedKey:
        """Encrypt a data key with the current master key, bound to `aad`."""

    async def unwrap(self, wrapped: WrappedKey, aad: bytes) -> bytes:
        """Return the data key. UnknownMasterKeyError; InvalidTag where anything was changed."""


@dataclass(frozen=True)
class Ring:
    """Master keys by their ids."""

    keys: Mapping[str, bytes]
    current: str


class RingKeys(ABC):
    """Master keys that this process holds itself."""

    @abstractmethod
    def ring(self) -> Ring:
        """Return the keys as they are now. MasterKeysError."""

    async def current_id(self) -> str:
        """Return the id of the newest key."""
        return self.ring().current

    async def wrap(self, data_key: bytes, aad: bytes) -> WrappedKey:
        """Encrypt with the newest key."""
        ring = self.ring()
        # 2**32 random nonces may be used with one key; a data key is wrapped once a secret.
        nonce = secrets.token_bytes(NONCE_BYTES)
        wrapped = AESGCM(ring.keys[ring.current]).encrypt(nonce, data_key, aad)
        return WrappedKey(ring.current, nonce, wrapped)

    async def unwrap(self, wrapped: WrappedKey, aad: bytes) -> bytes:
        """Decrypt with the key that it names."""
        key = self.ring().keys.get(wrapped.master_key)
        if key is None:
            raise UnknownMasterKeyError(wrapped.master_key)
        return AESGCM(key).decrypt(wrapped.nonce, wrapped.key, aad)


class FileKeys(RingKeys):
    """The key ring in a file: the embedded default. It is read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ring: Ring | None = None
        self._seen: tuple[int, int, int] | None = None

    def ring(self) -> Ring:
        """Return the keys in the file; the last is the current one."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise ring_file.unreadable(self._path, error.strerror or "it is gone") from error
        seen = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._ring is None or seen != self._seen:
            entries = ring_file.read(self._path)
            keys = {entry.id: decoded_key(entry.key) for entry in entries}
            self._ring, self._seen = Ring(keys, entries[-1].id), seen
        return self._ring


class EnvironmentKeys(RingKeys):
    """Master keys from `ADJUTANT_MASTER_KEY`.

    32 bytes in base64, made with `openssl rand -base64 32`. After a comma may follow the
    keys before it, so that what they wrapped can be read until it is wrapped anew.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        text = (os.environ if environ is None else environ).get(ENVIRONMENT_VARIABLE, "")
        keys = [self._key(part.strip()) for part in text.split(",")]
        named = {_id_of(key): key for key in keys}
        self._ring = Ring(named, _id_of(keys[0]))

    def ring(self) -> Ring:
        """Return the keys that the process was started with."""
        return self._ring

    @staticmethod
    def _key(text: str) -> bytes:
        try:
            return decoded_key(text)
        except ValueError:
            raise MasterKeysError(
                f"{ENVIRONMENT_VARIABLE} must hold {KEY_BYTES} bytes in base64, after a comma "
                "those of the keys before; make one with: openssl rand -base64 32"
            ) from None


def _id_of(key: bytes) -> str:
    """Return what tells a key apart and gives nothing of it away."""
    return "env-" + hashlib.sha256(b"adjutant master key id" + key).hexdigest()[:16]


class Kms(Protocol):
    """What a cloud's key management gives; a client of AWS, GCP or Azure is a few lines of it."""

    async def encrypt(self, key_id: str, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt with a key that never leaves the KMS, bound to the context."""

    async def decrypt(self, key_id: str, ciphertext: bytes, context: bytes) -> bytes:
        """Decrypt; LookupError where there is no such key, InvalidTag where anything differs."""


class KmsKeys:
    """Master keys that stay in a KMS."""

    def __init__(self, kms: Kms, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id

    async def current_id(self) -> str:
        """Return the id of the key that is used for what is new."""
        return self._key_id

    async def wrap(self, data_key: bytes, aad: bytes) -> WrappedKey:
        """Have the KMS encrypt a data key."""
        return WrappedKey(self._key_id, b"", await self._kms.encrypt(self._key_id, data_key, aad))

    async def unwrap(self, wrapped: WrappedKey, aad: bytes) -> bytes:
        """Have the KMS decrypt a data key."""
        try:
            return await self._kms.decrypt(wrapped.master_key, wrapped.key, aad)
        except LookupError:
            raise UnknownMasterKeyError(wrapped.master_key) from None
