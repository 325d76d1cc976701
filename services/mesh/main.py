"""The process of one service: `python -m services.<name>`."""

import asyncio
import signal
import sys

from opentelemetry import trace

from services.mesh import telemetry
from services.mesh.app import Service, run_service
from services.mesh.config import MeshSettings
from services.mesh.parent import watch_parent


def main(service: Service) -> None:
    """Run a service until SIGTERM, SIGINT or the end of `adjutant up`, and exit."""
    settings = service.settings()
    telemetry.log_to_stderr(settings)
    trace.set_tracer_provider(telemetry.make_provider(settings))
    try:
        asyncio.run(_run(service, settings))
    except OSError as error:
        sys.exit(f"adjutant: {error}")


async def _run(service: Service, settings: MeshSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    watch_parent(stop.set)
    await run_service(service, settings, stop)
