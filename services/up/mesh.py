"""A mesh from its start to its end."""

import asyncio
import contextlib
import os
import stat
from collections.abc import Callable
from typing import Self

import grpc

from services.mesh.identity.local import ensure_secrets
from services.mesh.identity.tls import require_safe
from services.up.composition import Composition
from services.up.errors import UpError
from services.up.instance import only_instance, published
from services.up.logs import echo_errors
from services.up.readiness import DRAIN_PATIENCE_S, require_free, serving
from services.up.supervisor import Supervised


class RunningMesh:
    """The parts of one mesh, supervised; they run within its `async with` block.

    The block begins when every service serves. Entering raises UpError where
    the data directory or a port is taken, or a service does not start.
    """

    def __init__(self, composition: Composition, say: Callable[[str], None]) -> None:
        self._composition = composition
        self._say = say
        self._nats: Supervised | None = None
        self._services: list[Supervised] = []
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with self._exits:
            await self._start()
            self._exits = self._exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    def kill(self) -> None:
        """End everything at once."""
        for part in [*self._services, *([self._nats] if self._nats else [])]:
            part.kill()

    async def _start(self) -> None:
        data_dir = self._composition.settings.data_dir
        left_behind = self._exits.enter_context(only_instance(data_dir))
        await self._require_ports(left_behind=left_behind)
        self._ensure_secrets()
        # Services hold the reading end: however this process ends, they notice.
        parent_fd, own_fd = os.pipe()
        self._exits.callback(os.close, own_fd)
        self._exits.callback(os.close, parent_fd)
        self._exits.push_async_callback(self._stop)
        if nats := self._composition.nats():
            self._nats = Supervised(nats, self._say)
            await self._nats.start()
        parts = self._composition.services(parent_fd)
        self._echo_logs()
        self._services = [Supervised(part, self._say) for part in parts]
        await self._start_services()
        self._exits.enter_context(
            published(data_dir, self._composition.addresses(), self._composition.tls())
        )

    def _ensure_secrets(self) -> None:
        try:
            require_safe(self._composition.settings)
            made = ensure_secrets(self._composition.settings)
        except OSError as error:
            raise UpError(str(error)) from error
        for what, path in made.items():
            self._say(f"made the {what} in {path}")
        data_dir = self._composition.settings.data_dir
        if (mode := stat.S_IMODE(data_dir.stat().st_mode)) & (stat.S_IRWXG | stat.S_IRWXO):
            self._say(
                f"{data_dir} can be read by others (mode {mode:o}), and with it what tasks and "
                f"jobs store; to end that, run: chmod 700 {data_dir}"
            )

    def _credentials(self, service: str) -> grpc.ChannelCredentials | None:
        try:
            return self._composition.credentials(service)
        except OSError as error:
            raise UpError(str(error)) from error

    async def _require_ports(self, *, left_behind: bool) -> None:
        ports = self._composition.ports()
        if left_behind:  # its services may still drain; of its event log the new one takes over
            ports.pop("nats", None)
        await require_free(ports, patience_s=DRAIN_PATIENCE_S if left_behind else 0.0)

    def _echo_logs(self) -> None:
        for name, path in self._composition.log_paths().items():
            echo = asyncio.create_task(echo_errors(name, path, self._say))
            self._exits.callback(echo.cancel)

    async def _start_services(self) -> None:
        for service in self._services:
            await service.start()
        credentials = {name: self._credentials(name) for name in self._composition.commands}
        try:
            async with asyncio.TaskGroup() as group:
                for part, each in zip(self._services, self._composition.replicas(), strict=True):
                    group.create_task(
                        serving(
                            each.name, each.address, part.is_hopeless, credentials[each.service]
                        )
                    )
        except* UpError as errors:
            raise UpError("; ".join(str(error) for error in errors.exceptions)) from errors

    async def _stop(self) -> None:
        """Drain the services, all at a time, then stop the event log."""
        await asyncio.gather(*(service.stop() for service in self._services))
        if self._nats:
            await self._nats.stop()
