"""Envelope encryption: each secret has a key of its own, which a master key wraps.

A new master key needs the small keys wrapped anew, never the secrets. Both
layers are AES-256-GCM and are bound to the purpose and to the name of the
resource that the secret belongs to, so that a stored secret is worth nothing
in another place.
"""

import base64
import json
import secrets
from typing import Annotated, Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from services.mesh.errors import AdjutantError
from services.mesh.secrets.keys import (
    NONCE_BYTES,
    MasterKeys,
    UnknownMasterKeyError,
    WrappedKey,
)
from services.mesh.secrets.ring_file import KEY_BYTES, MasterKeysError

VERSION: Final = 1


def _decoded(value: object) -> object:
    if not isinstance(value, str):
        return value
    data = base64.b64decode(value, validate=True)
    if base64.b64encode(data).decode() != value:
        raise ValueError("this base64 has bits that mean nothing")
    return data


Base64 = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(lambda data: base64.b64encode(data).decode(), when_used="json"),
]
"""Bytes that stand as base64 in JSON, in exactly one way."""


class Sealed(BaseModel):
    """A secret as it is stored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = VERSION
    """How it is sealed."""
    master_key: str
    """Id of the master key that wraps the data key."""
    key_nonce: Base64
    """Nonce of the wrapping."""
    wrapped_key: Base64
    """The data key, encrypted with the master key."""
    nonce: Base64
    """Nonce of the secret's encryption."""
    ciphertext: Base64
    """The secret, encrypted with the data key."""


class Vault:
    """Seals and opens secrets of one purpose. Every method may raise SECRET_UNREADABLE."""

    def __init__(self, keys: MasterKeys, purpose: str) -> None:
        self._keys = keys
        self._purpose = purpose

    async def seal(self, plaintext: bytes | str, name: str) -> Sealed:
        """Encrypt a secret of the resource `name` with a key that nothing else uses."""
        data_key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(NONCE_BYTES)
        content = plaintext.encode() if isinstance(plaintext, str) else plaintext
        ciphertext = AESGCM(data_key).encrypt(nonce, content, self._aad("secret", name))
        return await self._wrapped(data_key, name, nonce, ciphertext)

    async def open(self, sealed: Sealed, name: str) -> bytes:
        """Return the secret of the resource `name`."""
        data_key = await self._data_key(sealed, name)
        try:
            return AESGCM(data_key).decrypt(
                sealed.nonce, sealed.ciphertext, self._aad("secret", name, sealed.version)
            )
        except (InvalidTag, ValueError):
            _unreadable(name, "it was changed since")

    async def rewrap(self, sealed: Sealed, name: str) -> Sealed:
        """Wrap the data key with the current master key; the secret itself stays as it is."""
        data_key = await self._data_key(sealed, name)
        return await self._wrapped(data_key, name, sealed.nonce, sealed.ciphertext)

    async def is_current(self, sealed: Sealed) -> bool:
        """Tell whether the newest master key wraps it."""
        return sealed.master_key == await self.current_id()

    async def current_id(self) -> str:
        """Return the id of the newest master key."""
        try:
            return await self._keys.current_id()
        except MasterKeysError as error:
            raise _no_keys(error) from error

    async def _wrapped(self, data_key: bytes, name: str, nonce: bytes, ciphertext: bytes) -> Sealed:
        try:
            wrapped = await self._keys.wrap(data_key, self._aad("data key", name))
        except MasterKeysError as error:
            raise _no_keys(error) from error
        return Sealed(
            master_key=wrapped.master_key,
            key_nonce=wrapped.nonce,
            wrapped_key=wrapped.key,
            nonce=nonce,
            ciphertext=ciphertext,
        )

    async def _data_key(self, sealed: Sealed, name: str) -> bytes:
        wrapped = WrappedKey(sealed.master_key, sealed.key_nonce, sealed.wrapped_key)
        try:
            return await self._keys.unwrap(wrapped, self._aad("data key", name, sealed.version))
        except MasterKeysError as error:
            raise _no_keys(error) from error
        except UnknownMasterKeyError:
            _unreadable(name, f"its master key {sealed.master_key} is not there")
        except (InvalidTag, ValueError):
            _unreadable(name, "it was changed since, or belongs to something else")

    def _aad(self, layer: str, name: str, version: int = VERSION) -> bytes:
        # As JSON, no two lists read the same.
        return json.dumps(["adjutant", version, layer, self._purpose, name]).encode()


def _unreadable(name: str, why: str) -> NoReturn:
    raise AdjutantError(
        "SECRET_UNREADABLE",
        f"The secret of {name} cannot be read: {why}. Give the key back, or store the secret anew.",
        metadata={"name": name},
    ) from None


def _no_keys(error: MasterKeysError) -> AdjutantError:
    return AdjutantError("SECRET_UNREADABLE", f"No secret can be read or stored: {error}.")
