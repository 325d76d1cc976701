"""Identities for tests, made as their owners make them: with keys and over the wire."""

import base64
import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import grpc
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from adjutant.orchestrator.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    api_key_service_pb2_grpc,
    client_service_pb2,
    client_service_pb2_grpc,
    group_service_pb2,
    group_service_pb2_grpc,
    member_service_pb2,
    member_service_pb2_grpc,
    project_pb2,
    project_service_pb2,
    project_service_pb2_grpc,
)
from tests.support.access import showing

ISSUER: Final = "https://people.example"
AUDIENCE: Final = "adjutant-tests"
LIFETIME_S: Final = 3600
LEFT_OUT: Final = object()
"""Value of a claim that a token is to have none of."""


@dataclass
class Issuer:
    """Issues JWTs for people, with a key of its own; its JWKS file is what services read."""

    folder: Path
    issuer: str = ISSUER
    audience: str = AUDIENCE
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_id: str = "tests-1"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.publish(self.key)

    @property
    def jwks_file(self) -> Path:
        """Where its public keys are."""
        return self.folder / "jwks.json"

    @property
    def setting(self) -> dict[str, Any]:
        """What `jwt_issuers` needs to know of it."""
        return {
            "issuer": self.issuer,
            "audience": self.audience,
            "jwks_file": str(self.jwks_file),
            "leeway_s": 0,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The same as the environment of a mesh of processes."""
        return {"ADJUTANT_JWT_ISSUERS": json.dumps([self.setting])}

    def publish(self, key: Ed25519PrivateKey) -> None:
        """Write the JWKS file with one key."""
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        x = base64.urlsafe_b64encode(public).decode().rstrip("=")
        entry = {"kty": "OKP", "crv": "Ed25519", "kid": self.key_id, "alg": "EdDSA", "x": x}
        self.jwks_file.write_text(json.dumps({"keys": [entry]}))

    def token(
        self, subject: str, *, key: Any = None, algorithm: str = "EdDSA", **claims: Any
    ) -> str:
        """Return a token of a person; claims replace what would be right, LEFT_OUT removes it."""
        now = int(time.time())
        right = {"iss": self.issuer, "aud": self.audience, "iat": now, "exp": now + LIFETIME_S}
        said = {**right, "sub": subject, **claims}
        payload = {name: value for name, value in said.items() if value is not LEFT_OUT}
        headers = {"kid": self.key_id}
        return jwt.encode(payload, key or self.key, algorithm, headers=headers)


def owner_token(data_dir: Path) -> str:
    """Return the token of a mesh's owner."""
    return (data_dir / "owner.token").read_text().strip()


def service_token(data_dir: Path, service: str, **claims: Any) -> str:
    """Return a token as a service of the mesh makes it for itself."""
    content = (data_dir / "secrets" / "mesh.key").read_bytes()
    key: Any = load_pem_private_key(content, password=None)
    now = int(time.time())
    right = {"iss": "adjutant", "aud": "adjutant", "iat": now, "exp": now + 300}
    return jwt.encode({**right, "sub": f"services/{service}", **claims}, key, "EdDSA")


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Return a token as metadata."""
    return (("authorization", f"Bearer {token}"),)


def open_as(address: str, token: str) -> grpc.aio.Channel:
    """Return a channel whose every call shows a token; close it when done."""
    return grpc.aio.insecure_channel(address, interceptors=showing(lambda: token))


class Hierarchy:
    """Makes clients, groups, projects, members and keys, as whoever the channel speaks for."""

    def __init__(self, orchestrator: grpc.aio.Channel) -> None:
        # The generated stubs' types tell apart sync and async by the channel.
        self.clients: Any = client_service_pb2_grpc.ClientServiceStub(orchestrator)
        self.groups: Any = group_service_pb2_grpc.GroupServiceStub(orchestrator)
        self.projects: Any = project_service_pb2_grpc.ProjectServiceStub(orchestrator)
        self.members: Any = member_service_pb2_grpc.MemberServiceStub(orchestrator)
        self.keys: Any = api_key_service_pb2_grpc.ApiKeyServiceStub(orchestrator)

    async def client(self, client_id: str) -> str:
        """Make a client and return its name."""
        request = client_service_pb2.CreateClientRequest(client_id=client_id)
        return (await self.clients.CreateClient(request)).client.name  # type: ignore[no-any-return]

    async def group(self, client: str, group_id: str) -> str:
        """Make a group and return its name."""
        request = group_service_pb2.CreateGroupRequest(parent=client, group_id=group_id)
        return (await self.groups.CreateGroup(request)).group.name  # type: ignore[no-any-return]

    async def project(self, client: str, project_id: str, group: str = "") -> str:
        """Make a project and return its name."""
        request = project_service_pb2.CreateProjectRequest(
            parent=client, project_id=project_id, project=project_pb2.Project(group=group)
        )
        return (await self.projects.CreateProject(request)).project.name  # type: ignore[no-any-return]

    async def member(self, parent: str, subject: str, role: str) -> None:
        """Give somebody a role, such as `OWNER`."""
        await self.members.SetMember(
            member_service_pb2.SetMemberRequest(
                parent=parent, principal=f"users/{subject}", role=f"ROLE_{role}"
            )
        )

    async def key(
        self, parent: str, role: str, *, lifetime_s: float | None = None, display_name: str = "test"
    ) -> tuple[str, str]:
        """Make an API key and return its name and its token."""
        made = api_key_pb2.ApiKey(display_name=display_name, role=f"ROLE_{role}")
        if lifetime_s is not None:
            made.expire_time.FromDatetime(datetime.now(UTC) + timedelta(seconds=lifetime_s))
        request = api_key_service_pb2.CreateApiKeyRequest(parent=parent, api_key=made)
        response = await self.keys.CreateApiKey(request)
        return response.api_key.name, response.token

    async def narrow_key(self, parent: str, role: str, *permissions: str) -> str:
        """Make an API key with some of a role's permissions, and return its token."""
        wanted = [f"PERMISSION_{each}" for each in permissions]
        made = api_key_pb2.ApiKey(display_name="narrow", role=f"ROLE_{role}", permissions=wanted)
        request = api_key_service_pb2.CreateApiKeyRequest(parent=parent, api_key=made)
        return (await self.keys.CreateApiKey(request)).token  # type: ignore[no-any-return]

    async def revoke(self, key: str) -> None:
        """Revoke an API key."""
        await self.keys.RevokeApiKey(api_key_service_pb2.RevokeApiKeyRequest(name=key))
