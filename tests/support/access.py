"""Getting past the door in tests of one service: the owner's token, and projects that exist."""

from pathlib import Path
from typing import Any, ClassVar

import grpc.aio

from services.mesh.access.bucket import PolicyBucket
from services.mesh.access.policy import Node
from services.mesh.channel import Bearer
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog
from services.mesh.identity.local import ensure_secrets
from services.mesh.identity.service_token import bearer


class _Orchestrator(MeshSettings):
    service: ClassVar[str] = "orchestrator"


def owner_of(data_dir: Path) -> Bearer:
    """Return what reads the owner's token of a data directory."""
    ensure_secrets(MeshSettings(data_dir=data_dir))
    return lambda: (data_dir / "owner.token").read_text().strip()


def orchestrator_of(data_dir: Path) -> Bearer:
    """Return what makes the token that the orchestrator of a mesh shows to other services."""
    settings = _Orchestrator(data_dir=data_dir)
    ensure_secrets(settings)
    return bearer(settings)


class _Showing:
    """Shows a token at each call; one object for each kind of call."""

    def __init__(self, token: Bearer) -> None:
        self._token = token

    def details(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        shown = ("authorization", f"Bearer {self._token()}")
        metadata = grpc.aio.Metadata(*(details.metadata or ()), shown)
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _Once(_Showing, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self.details(details), request)


class _Stream(_Showing, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(self.details(details), request)


def showing(token: Bearer) -> list[grpc.aio.ClientInterceptor]:
    """Return what makes a plain channel show a token."""
    return [_Once(token), _Stream(token)]


async def publish_projects(nats_url: str, *parents: str, data_dir: Path) -> None:
    """Let services know of projects, and their clients, as the orchestrator would."""
    event_log = await EventLog.connect(MeshSettings(nats_url=nats_url, data_dir=data_dir))
    bucket = PolicyBucket(event_log)
    for parent in parents:
        await bucket.put(Node(name="/".join(parent.split("/")[:2]), revision=1))
        await bucket.put(Node(name=parent, revision=1))
    await event_log.close()
