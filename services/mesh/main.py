"""The process of one service: `python -m services.<name>`."""

import asyncio
import signal
import sys

from opentelemetry import trace
from pydantic import ValidationError

from services.mesh import telemetry
from services.mesh.app import Service, run_service
from services.mesh.config import MeshSettings
from services.mesh.parent import watch_parent


def main(service: Service) -> None:
    """Run a service until SIGTERM, SIGINT or the end of `adjutant up`, and exit."""
    settings = _settings(service)
    telemetry.log_to_stderr(settings)
    trace.set_tracer_provider(telemetry.make_provider(settings))
    try:
        asyncio.run(_run(service, settings))
    except OSError as error:
        sys.exit(f"adjutant: {error}")


def _settings(service: Service) -> MeshSettings:
    try:
        return service.settings()
    except ValidationError as error:
        wrong = "; ".join(
            f"ADJUTANT_{str(found['loc'][0]).upper().removeprefix('ADJUTANT_')}: {found['msg']}"
            for found in error.errors()
        )
        sys.exit(f"adjutant: {wrong}")


async def _run(service: Service, settings: MeshSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    watch_parent(stop.set)
    await run_service(service, settings, stop)
