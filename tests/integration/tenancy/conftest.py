"""A real nats-server and a real orchestrator, and callers with identities of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from adjutant.orchestrator.v1 import (
    approval_service_pb2_grpc,
    audit_service_pb2_grpc,
    identity_service_pb2_grpc,
    task_service_pb2_grpc,
)
from services.mesh.app import run_service
from services.mesh.embedded import EmbeddedNats
from services.orchestrator.app import SERVICE
from services.ports import OFFSETS, free_port_base
from tests.support.identities import Hierarchy, Issuer, open_as, owner_token

CLIENT: Final = "clients/acme"
PROJECT: Final = "clients/acme/projects/web"


class As(Hierarchy):
    """Somebody who calls."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        super().__init__(channel)
        self.channel = channel
        self.tasks: Any = task_service_pb2_grpc.TaskServiceStub(channel)
        self.approvals: Any = approval_service_pb2_grpc.ApprovalServiceStub(channel)
        self.audit: Any = audit_service_pb2_grpc.AuditServiceStub(channel)
        self.identity: Any = identity_service_pb2_grpc.IdentityServiceStub(channel)


@dataclass
class House:
    """An orchestrator that may be stopped and started again, and who calls it."""

    folder: Path
    port_base: int
    issuer: Issuer
    settings: dict[str, Any] = field(default_factory=dict)
    nats: EmbeddedNats | None = None
    opened: list[grpc.aio.Channel] = field(default_factory=list)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the orchestrator."""
        settings = SERVICE.settings(
            data_dir=self.folder,
            port_base=self.port_base,
            jwt_issuers=[self.issuer.setting],
            audit_window_s=0.5,
            **self.settings,
        )
        ready, self._stop = asyncio.Event(), asyncio.Event()
        self._running = asyncio.create_task(run_service(SERVICE, settings, self._stop, ready.set))
        waiting = asyncio.create_task(ready.wait())
        async with asyncio.timeout(20):
            await asyncio.wait([waiting, self._running], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if self._running.done():
            self._running.result()

    async def stop(self) -> None:
        """Stop the orchestrator."""
        self._stop.set()
        if self._running:
            await self._running

    def with_token(self, token: str) -> As:
        """Return whoever has a token."""
        channel = open_as(f"127.0.0.1:{self.port_base + OFFSETS['orchestrator']}", token)
        self.opened.append(channel)
        return As(channel)

    @property
    def owner(self) -> As:
        """The administrator."""
        return self.with_token(owner_token(self.folder))

    def person(self, subject: str) -> As:
        """Return a person with a JWT."""
        return self.with_token(self.issuer.token(subject))


@pytest.fixture
async def house(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[House]:
    """Run an orchestrator with client `acme` and its project `web`."""
    port_base = free_port_base()
    async with contextlib.AsyncExitStack() as stack:
        nats = await EmbeddedNats.start(tmp_path / "data", port_base)
        stack.push_async_callback(nats.stop)
        house = House(tmp_path / "data", port_base, Issuer(tmp_path / "issuer"), mesh_store, nats)
        await house.start()
        stack.push_async_callback(house.stop)
        await house.owner.client("acme")
        await house.owner.project(CLIENT, "web")
        yield house
        for channel in house.opened:
            await channel.close()


async def refused(call: Awaitable[Any]) -> tuple[str, str]:
    """Return the reason and the message of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    for key, value in caught.value.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return info.reason, caught.value.details() or ""
    return caught.value.code().name, caught.value.details() or ""


async def eventually(check: Callable[[], Awaitable[Any]], timeout_s: float = 15) -> Any:
    """Return what a check returns as soon as it is true."""
    async with asyncio.timeout(timeout_s):
        while not (found := await check()):
            await asyncio.sleep(0.02)
    return found
