"""An issuer of the tests' own, and what it signs."""

import base64
import json
import pathlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.mesh.access.policy import Key
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError
from services.mesh.identity.api_keys import NewToken, make_token
from services.mesh.identity.authenticator import Authenticator
from services.mesh.identity.issuer import Issuer
from services.mesh.identity.local import ensure_secrets
from services.mesh.identity.principal import Principal

ISSUER = "https://login.example"
AUDIENCE = "mesh"
_KINDS: dict[str, Any] = {
    "EdDSA": jwt.algorithms.OKPAlgorithm,
    "RS256": jwt.algorithms.RSAAlgorithm,
    "ES256": jwt.algorithms.ECAlgorithm,
}


@dataclass
class SigningKey:
    """A private key and its name."""

    key_id: str
    algorithm: str
    key: Any

    def sign(self, claims: Mapping[str, Any], **headers: Any) -> str:
        headers = {"kid": self.key_id, **headers}
        return jwt.encode(dict(claims), self.key, self.algorithm, headers=headers)

    def as_jwk(self, **more: Any) -> dict[str, Any]:
        jwk = _KINDS[self.algorithm].to_jwk(self.key.public_key(), as_dict=True)
        return {**jwk, "kid": self.key_id, "use": "sig", **more}


def ed25519_key(key_id: str = "ed") -> SigningKey:
    return SigningKey(key_id, "EdDSA", ed25519.Ed25519PrivateKey.generate())


def rsa_key(key_id: str = "rs", bits: int = 2048) -> SigningKey:
    return SigningKey(key_id, "RS256", rsa.generate_private_key(65537, bits))


def ec_key(key_id: str = "es") -> SigningKey:
    return SigningKey(key_id, "ES256", ec.generate_private_key(ec.SECP256R1()))


def jwks(*keys: SigningKey) -> bytes:
    return json.dumps({"keys": [key.as_jwk() for key in keys]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    """Return good claims with changes; None takes one out."""
    now = int(time.time())
    good = {"iss": ISSUER, "sub": "ada", "aud": AUDIENCE, "iat": now, "exp": now + 600}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def encoded(value: object) -> str:
    """Return a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def bearer(token: str, **more: str) -> dict[str, str]:
    return {
        "authorization": f"Bearer {token}",
        **{key.replace("_", "-"): v for key, v in more.items()},
    }


async def refusal(call: Awaitable[Any]) -> AdjutantError:
    """Return the error that a call ends with."""
    try:
        answer = await call
    except AdjutantError as error:
        return error
    raise AssertionError(f"let in: {answer}")


@dataclass
class Mesh:
    """What an authenticator stands on, and one."""

    settings: MeshSettings
    authenticator: Authenticator
    keys: dict[str, Key] = field(default_factory=dict)

    async def principal(self, token: str, **headers: str) -> Principal:
        return await self.authenticator.authenticate(bearer(token, **headers), ())

    async def reason(self, token: str, **headers: str) -> str:
        return (await refusal(self.principal(token, **headers))).reason

    def known(self, token: str, **headers: str) -> Principal | None:
        return self.authenticator.known(bearer(token, **headers), ())

    def add_key(self, made: NewToken | None = None, **fields: Any) -> NewToken:
        """Keep an API key, as the orchestrator's policies do."""
        made = made or make_token()
        self.keys[made.key_id] = Key(
            **{
                "name": "clients/acme/apiKeys/ci",
                "revision": 1,
                "key_id": made.key_id,
                "scope": "clients/acme",
                "permissions": [1, 2],
                "salt": made.salt,
                "digest": made.digest,
                **fields,
            }
        )
        return made

    def change_key(self, made: NewToken, **fields: Any) -> None:
        old = self.keys[made.key_id]
        self.keys[made.key_id] = old.model_copy(update={"revision": old.revision + 1, **fields})


MakeMesh = Callable[..., Mesh]


@pytest.fixture
async def make_mesh(tmp_path: pathlib.Path) -> AsyncIterator[MakeMesh]:
    """Make an authenticator with settings."""
    made: list[Authenticator] = []

    def make(**values: Any) -> Mesh:
        settings = MeshSettings(data_dir=tmp_path / "data", **values)
        ensure_secrets(settings)
        keys: dict[str, Key] = {}

        async def find_key(key_id: str) -> Key | None:
            return keys.get(key_id)

        made.append(Authenticator(settings, find_key, keys.get))
        return Mesh(settings, made[-1], keys)

    yield make
    for authenticator in made:
        await authenticator.close()


@dataclass
class Login:
    """An issuer whose keys are in a file."""

    path: pathlib.Path
    signing: SigningKey

    def issuer(self, **fields: Any) -> Issuer:
        given = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_file": self.path, **fields}
        return Issuer(**given)

    def publish(self, *keys: SigningKey) -> None:
        unfinished = self.path.with_suffix(".tmp")
        unfinished.write_bytes(jwks(*keys))
        unfinished.replace(self.path)


@pytest.fixture
def login(tmp_path: pathlib.Path) -> Login:
    made = Login(tmp_path / "jwks.json", ed25519_key())
    made.publish(made.signing)
    return made
