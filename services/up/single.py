"""Services as tasks of this process: `--single-process`."""

import asyncio
import importlib
import logging
import os
import pathlib
from collections.abc import Mapping

from opentelemetry import trace

from services.mesh import telemetry
from services.mesh.app import Service, run_service
from services.mesh.config import MeshSettings
from services.mesh.secrets.redact import redact
from services.up.parts import DRAIN_TIMEOUT_S


def prepare(environ: Mapping[str, str], settings: MeshSettings, log_path: pathlib.Path) -> None:
    """Give this process what each service's process would have: settings, log, tracer."""
    os.environ.update(environ)
    handler = logging.FileHandler(log_path)
    handler.setFormatter(telemetry.JsonFormatter(settings.service))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)
    trace.set_tracer_provider(telemetry.make_provider(settings))


class TaskPart:
    """A service in this process's event loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the service; what it raises later ends `wait`."""
        module = importlib.import_module(f"services.{self.name}.app")
        self._stop = asyncio.Event()
        service: Service = module.SERVICE
        running = run_service(service, service.settings(), self._stop)
        self._task = asyncio.create_task(running, name=self.name)

    async def wait(self) -> str:
        """Return when the service has ended."""
        if self._task is None:
            return "not started"
        await asyncio.wait([self._task])
        if self._task.cancelled():
            return "cancelled"
        error = self._task.exception()
        return redact(f"{type(error).__name__}: {error}") if error else "it ended by itself"

    async def stop(self) -> None:
        """Let the service drain; cancel it when that takes too long."""
        if self._task is None:
            return
        self._stop.set()
        _, late = await asyncio.wait([self._task], timeout=DRAIN_TIMEOUT_S)
        self.kill()
        if late:
            await asyncio.wait(late)

    def kill(self) -> None:
        """Cancel the service."""
        if self._task:
            self._task.cancel()
