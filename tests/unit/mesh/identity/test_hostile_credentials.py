"""Whatever bytes a stranger sends, they are refused, and never with anything but a refusal."""

import asyncio
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity.authenticator import Authenticator
from services.mesh.identity.issuer import Issuer
from services.mesh.identity.local import ensure_secrets
from tests.unit.mesh.identity.conftest import (
    AUDIENCE,
    ISSUER,
    SigningKey,
    claims,
    ed25519_key,
    encoded,
    jwks,
)

REFUSALS = {"UNAUTHENTICATED", "INVALID_CREDENTIAL", "RATE_LIMITED", "PERMISSION_DENIED"}
LESS = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
anything = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
)


class Door:
    """An authenticator with a loop of its own, because Hypothesis knows none."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.key: SigningKey = ed25519_key()
        (folder / "jwks.json").write_bytes(jwks(self.key))
        issuer = Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_file=folder / "jwks.json")
        mesh = MeshSettings(data_dir=folder, jwt_issuers=(issuer,))
        ensure_secrets(mesh)

        async def find_key(_: str) -> None:
            return None

        self._loop = asyncio.new_event_loop()
        self._authenticator = Authenticator(mesh, find_key, lambda _: None)

    def knock(self, metadata: Any, peer: Any = ()) -> str:
        """Return the reason of the refusal, or who was let in."""
        try:
            known = self._authenticator.known(metadata, peer)
            shown = self._authenticator.authenticate(metadata, peer)
            principal = self._loop.run_until_complete(shown)
        except AdjutantError as error:
            for value in metadata.values():
                assert len(value) < 20 or str(value) not in str(error)
            return error.reason
        assert known in (None, principal)
        return principal.name

    def close(self) -> None:
        self._loop.run_until_complete(self._authenticator.close())
        self._loop.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    made = Door(tmp_path_factory.mktemp("door"))
    yield made
    made.close()


@LESS
@given(header=st.text() | st.binary(), peer=st.lists(st.text() | st.binary(), max_size=3))
def test_any_header_and_any_certificate(door: Door, header: Any, peer: Any) -> None:
    assert door.knock({"authorization": header}, peer) in REFUSALS
    assert door.knock({}, peer) in REFUSALS


@LESS
@given(token=st.text())
def test_any_token(door: Door, token: str) -> None:
    assert door.knock({"authorization": f"Bearer {token}"}) in REFUSALS
    assert door.knock({"authorization": f"Bearer adj_{token}"}) in REFUSALS
    assert door.knock({"authorization": f"Bearer {token}.{token}.{token}"}) in REFUSALS


@LESS
@given(parts=st.tuples(st.binary(), st.binary(), st.binary()))
def test_any_parts(door: Door, parts: tuple[bytes, bytes, bytes]) -> None:
    token = ".".join(encoded(part) for part in parts)
    assert door.knock({"authorization": f"Bearer {token}"}) in REFUSALS


@LESS
@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), anything))
def test_any_header_of_a_token(door: Door, header: dict[str, Any]) -> None:
    """Signed rightly, so that only the header can be what is wrong."""
    signed = f"{encoded({'alg': 'EdDSA', **header})}.{encoded(claims(sub='eve'))}"
    token = f"{signed}.{encoded(door.key.key.sign(signed.encode()))}"
    said = door.knock({"authorization": f"Bearer {token}"})
    is_plain = header.get("alg", "EdDSA") == "EdDSA" and "crit" not in header
    assert said in REFUSALS or (is_plain and said == "users/eve")


@LESS
@given(
    changed=st.dictionaries(
        st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "jti"]), anything, min_size=1
    )
)
def test_any_claims_rightly_signed(door: Door, changed: dict[str, Any]) -> None:
    whole = {**claims(sub="eve"), **changed}
    signed = f"{encoded({'alg': 'EdDSA', 'kid': 'ed'})}.{encoded(json.dumps(whole).encode())}"
    token = f"{signed}.{encoded(door.key.key.sign(signed.encode()))}"
    said = door.knock({"authorization": f"Bearer {token}"})
    assert said in REFUSALS or said == f"users/{whole['sub']}"
    assert said != "users/owner"


@LESS
@given(cut=st.integers(0, 400), flipped=st.integers(0, 7))
def test_a_good_token_with_one_bit_changed(door: Door, cut: int, flipped: int) -> None:
    token = door.key.sign(claims(sub="eve")).encode()
    at = cut % len(token)
    changed = bytearray(token)
    changed[at] ^= 1 << flipped
    said = door.knock({"authorization": f"Bearer {changed.decode('latin-1')}"})
    # The last letter of base64 has bits that mean nothing; PyJWT takes one spelling only.
    assert said in REFUSALS
