"""Sealed secrets: what comes back, and that nothing else does."""

import asyncio
import base64
import pathlib
import secrets
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.mesh.errors import AdjutantError
from services.mesh.secrets import ring_file
from services.mesh.secrets.envelope import Sealed, Vault
from services.mesh.secrets.keys import EnvironmentKeys, FileKeys, KmsKeys, MasterKeys

NAME = "clients/acme/projects/web/connections/git"
PLAIN = b"correct horse battery staple"


def environment_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


class KmsDouble:
    """A double of a cloud's KMS: keys in memory, and the same promises."""

    def __init__(self) -> None:
        self.keys = {"projects/p/keys/k": secrets.token_bytes(32)}

    async def encrypt(self, key_id: str, plaintext: bytes, context: bytes) -> bytes:
        nonce = secrets.token_bytes(12)
        return nonce + AESGCM(self.keys[key_id]).encrypt(nonce, plaintext, context)

    async def decrypt(self, key_id: str, ciphertext: bytes, context: bytes) -> bytes:
        return AESGCM(self.keys[key_id]).decrypt(ciphertext[:12], ciphertext[12:], context)


@pytest.fixture(params=["file", "environment", "kms"])
def keys(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> MasterKeys:
    """Each adapter of the port; they all pass the same tests."""
    if request.param == "file":
        ring_file.make_if_missing(tmp_path / "master.keys")
        return FileKeys(tmp_path / "master.keys")
    if request.param == "environment":
        return EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()})
    return KmsKeys(KmsDouble(), "projects/p/keys/k")


async def refused(vault: Vault, sealed: Sealed, name: str = NAME) -> AdjutantError:
    with pytest.raises(AdjutantError) as caught:
        await vault.open(sealed, name)
    assert caught.value.reason == "SECRET_UNREADABLE"
    return caught.value


async def test_what_is_sealed_opens(keys: MasterKeys) -> None:
    vault = Vault(keys, "test")
    sealed = await vault.seal(PLAIN, NAME)
    stored = sealed.model_dump_json()
    assert await vault.open(Sealed.model_validate_json(stored), NAME) == PLAIN
    assert PLAIN.decode() not in stored
    assert base64.b64encode(PLAIN).decode()[:20] not in stored


async def test_it_opens_nowhere_else(keys: MasterKeys) -> None:
    vault = Vault(keys, "test")
    sealed = await vault.seal(PLAIN, NAME)
    assert NAME + "2" in (await refused(vault, sealed, NAME + "2")).message
    await refused(Vault(keys, "another purpose"), sealed)


async def test_each_secret_has_its_own_key(keys: MasterKeys) -> None:
    vault = Vault(keys, "test")
    one, other = await vault.seal(PLAIN, NAME), await vault.seal(PLAIN, NAME)
    assert one.ciphertext != other.ciphertext
    mixed = one.model_copy(update={"nonce": other.nonce, "ciphertext": other.ciphertext})
    await refused(vault, mixed)


async def test_rewrapping_leaves_the_secret_alone(keys: MasterKeys) -> None:
    vault = Vault(keys, "test")
    sealed = await vault.seal(PLAIN, NAME)
    again = await vault.rewrap(sealed, NAME)
    assert (again.nonce, again.ciphertext) == (sealed.nonce, sealed.ciphertext)
    assert again.wrapped_key != sealed.wrapped_key
    assert await vault.open(again, NAME) == PLAIN


@given(plaintext=st.binary(max_size=300) | st.text(max_size=100), name=st.text(max_size=80))
def test_anything_comes_back(plaintext: bytes | str, name: str) -> None:
    async def check() -> bytes:
        vault = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test")
        return await vault.open(await vault.seal(plaintext, name), name)

    expected = plaintext.encode() if isinstance(plaintext, str) else plaintext
    assert asyncio.run(check()) == expected


FIELDS = ("key_nonce", "wrapped_key", "nonce", "ciphertext")


@given(field=st.sampled_from(FIELDS), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_is_refused(field: str, at: int, bit: int) -> None:
    async def check() -> None:
        vault = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test")
        sealed = await vault.seal(PLAIN, NAME)
        content = bytearray(getattr(sealed, field))
        content[at % len(content)] ^= 1 << bit
        await refused(vault, sealed.model_copy(update={field: bytes(content)}))

    asyncio.run(check())


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_stored_text_is_refused(at: int, bit: int) -> None:
    async def check() -> None:
        vault = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test")
        stored = bytearray((await vault.seal(PLAIN, NAME)).model_dump_json().encode())
        stored[at % len(stored)] ^= 1 << bit
        try:
            changed = Sealed.model_validate_json(bytes(stored))
        except ValidationError:
            return
        await refused(vault, changed)

    asyncio.run(check())


@pytest.mark.parametrize("change", [{"version": 2}, {"master_key": "env-0"}, {"nonce": b""}])
async def test_other_fields_are_bound_too(change: dict[str, Any]) -> None:
    vault = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test")
    await refused(vault, (await vault.seal(PLAIN, NAME)).model_copy(update=change))


async def test_a_lost_key_is_told() -> None:
    sealed = await Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test").seal(
        PLAIN, NAME
    )
    other = Vault(EnvironmentKeys({"ADJUTANT_MASTER_KEY": environment_key()}), "test")
    error = await refused(other, sealed)
    assert sealed.master_key in error.message
    assert "store the secret anew" in error.message
