"""One running service: its parts, its start and its end.

A service's `app.py` has a `SERVICE`, whose `build` wires its own parts and
registers its servicers. Everything else is the same for all.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from adjutant.event.v1 import event_pb2
from services.mesh import tasks
from services.mesh.access.authorizer import Authorizer
from services.mesh.access.bucket import PolicyBucket
from services.mesh.access.guard import GuardedStore
from services.mesh.admission import Admission
from services.mesh.audit import Recorder
from services.mesh.blobs import Blobs
from services.mesh.config import MeshSettings
from services.mesh.events import Consumer, EventLog, Hub, Relay
from services.mesh.events.consumer import Handler, subjects_of_audit, subjects_of_kinds
from services.mesh.identity.files import make_private_folder
from services.mesh.identity.local import ensure_secrets
from services.mesh.identity.tls import require_safe
from services.mesh.interceptors.chain import Chain
from services.mesh.lease import Leases
from services.mesh.memory import give_back
from services.mesh.purge import Purge, Purger
from services.mesh.server import make_server
from services.mesh.store import Collection, Store, open_store_for
from services.ports import is_loopback

log = logging.getLogger(__name__)
T = TypeVar("T")
Background = Callable[[], Coroutine[Any, Any, None]]
Closer = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """What a service's `app.py` offers as `SERVICE`."""

    settings: type[MeshSettings]
    """Class of its settings; made from the environment."""
    collections: Sequence[Collection[Any]]
    """What its store keeps."""
    build: Callable[["Mesh"], Awaitable[None]]
    """Makes the service's parts and registers them."""


@dataclass
class Mesh:
    """What a service is built on."""

    settings: Any
    """The service's own settings."""
    server: grpc.aio.Server
    """Register servicers here, with `serve`."""
    store: Store
    events: EventLog
    hub: Hub
    leases: Leases
    blobs: Blobs
    audit: Recorder
    authorizer: Authorizer
    """Answers what somebody may do; for a method's own permission the door has asked it."""
    policies: PolicyBucket
    """Where the owner of the hierarchy puts it, for every service to know."""
    services: list[str] = field(default_factory=list)
    background: list[tuple[str, Background]] = field(default_factory=list)
    closers: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    purgers: list[Purger] = field(default_factory=list)

    def serve(self, register: Callable[[Any, Any], None], servicer: Any, service: str) -> None:
        """Offer a servicer; `service` is its full name in the contract."""
        register(servicer, self.server)
        self.services.append(service)

    def run_in_background(self, name: str, work: Background) -> None:
        """Run a coroutine for as long as the service runs; if it ends with an error, so does it."""
        self.background.append((name, work))

    def consume(self, durable: str, kinds: Sequence[int], handler: Handler) -> None:
        """Hand every event of the kinds to the handler, across restarts and replicas."""
        self._consume(durable, subjects_of_kinds(kinds), handler)

    def consume_audit(self, durable: str, handler: Handler, kinds: Sequence[int] = ()) -> None:
        """Hand every entry of the audit log, or of some AuditKinds, to the handler likewise."""
        self._consume(durable, subjects_of_audit(kinds), handler)

    def _consume(self, durable: str, subjects: Sequence[str], handler: Handler) -> None:
        # As long as a lease: work of a replica that is gone is another's after that.
        ack_wait_s = self.settings.lease_ttl_s
        consumer = Consumer(self.events, durable, subjects, handler, ack_wait_s=ack_wait_s)
        self.run_in_background(f"consumer {durable}", consumer.run)

    def before_purge(self, purger: Purger) -> None:
        """Await this with the name of what was removed, before the store is purged of it."""
        self.purgers.append(purger)

    def on_stop(self, closer: Closer) -> None:
        """Await this when the service stops; last one first, and all of them whatever one raises.

        The port is still held then, so the next instance finds nothing half done.
        """
        self.closers.push_async_callback(closer)


async def run_service(
    service: Service,
    settings: MeshSettings,
    stop: asyncio.Event,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Run a service until `stop` is set. OSError where its port is taken or a secret unusable."""
    require_safe(settings)
    if is_loopback(settings.host):
        ensure_secrets(settings)
    # The port first: whoever has it is the one instance of this replica, and only
    # then may it take over what its former self held.
    chain = Chain()
    server = make_server(settings, chain)
    async with contextlib.AsyncExitStack() as parts:
        event_log = await _unless(stop, EventLog.connect(settings))
        if event_log is None:
            return
        parts.push_async_callback(event_log.close)
        make_private_folder(settings.service_dir)
        store = await open_store_for(settings, service.collections)
        parts.push_async_callback(store.close)
        admission = Admission(settings, event_log, store)
        mesh = _make_mesh(settings, server, event_log, GuardedStore(store), admission)
        relay = Relay(store, event_log, settings)
        mesh.run_in_background("relay", relay.run)
        mesh.run_in_background("hub", mesh.hub.run)
        mesh.run_in_background("memory", give_back)
        mesh.run_in_background("audit", mesh.audit.run)
        mesh.run_in_background("access", admission.replica.run)
        mesh.run_in_background("cutting", admission.cutting.run)
        mesh.run_in_background("streams", admission.allowance.run)
        parts.push_async_callback(relay.drain)
        parts.push_async_callback(admission.close)
        parts.push_async_callback(server.stop, settings.drain_grace_s)
        parts.push_async_exit(mesh.closers)
        await service.build(mesh)
        purge = Purge(store, mesh.purgers)
        mesh.consume(
            f"{settings.service}-purge",
            [event_pb2.EVENT_KIND_ACCESS_CHANGED],
            purge.on_access_changed,
        )
        await admission.open(chain)
        await _serve(mesh, stop, ready, admission.replica.loaded)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns, or None where the stop comes first."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await tasks.end([working, stopping])


def _make_mesh(
    settings: MeshSettings,
    server: grpc.aio.Server,
    event_log: EventLog,
    store: Store,
    admission: Admission,
) -> Mesh:
    return Mesh(
        settings=settings,
        server=server,
        store=store,
        events=event_log,
        hub=Hub(event_log, settings),
        leases=Leases(event_log, settings.holder, settings.lease_ttl_s),
        blobs=Blobs(settings.service_dir / "blobs"),
        audit=admission.recorder,
        authorizer=admission.authorizer,
        policies=PolicyBucket(event_log),
    )


async def _serve(
    mesh: Mesh, stop: asyncio.Event, ready: Callable[[], None], informed: asyncio.Event
) -> None:
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, mesh.server)
    names = [*mesh.services, health.SERVICE_NAME, reflection.SERVICE_NAME]
    reflection.enable_server_reflection(names, mesh.server)
    running = [asyncio.create_task(work(), name=name) for name, work in mesh.background]
    try:
        await _wait([stop, informed], running)
        if not stop.is_set():
            await mesh.server.start()
            for name in ("", *mesh.services):
                await checks.set(name, health_pb2.HealthCheckResponse.SERVING)
            log.info("%s serves on port %d", mesh.settings.service, mesh.settings.port)
            ready()
            await _wait([stop], running)
    finally:
        await checks.enter_graceful_shutdown()
        mesh.hub.close()
        await tasks.end(running)


async def _wait(events: Sequence[asyncio.Event], running: Sequence[asyncio.Task[None]]) -> None:
    """Wait for one of the events, or for a background task that failed and raise its error."""
    awaited = {asyncio.create_task(event.wait()) for event in events}
    waiting: set[asyncio.Task[Any]] = {*awaited, *running}
    try:
        while not any(task.done() for task in awaited):
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done - awaited:
                if error := task.exception():
                    log.error("%s failed; the service stops", task.get_name(), exc_info=error)
                    raise error
    finally:
        await tasks.end(awaited)
