"""The process of one service: `python -m services.<name>`."""

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
from typing import Final

from opentelemetry import trace
from pydantic import ValidationError
from pydantic_settings import SettingsError

from services.mesh import metrics, telemetry
from services.mesh.app import Service, run_service
from services.mesh.config import MeshSettings
from services.mesh.parent import watch_parent

GC_THRESHOLDS: Final = (50_000, 20, 50)
"""New containers after which cycles are looked for among them, and how often among older ones."""

log = logging.getLogger(__name__)


def main(service: Service) -> None:
    """Run a service until SIGTERM, SIGINT or the end of `adjutant up`, and exit."""
    settings = _settings(service)
    telemetry.log_to_stderr(settings)
    trace.set_tracer_provider(telemetry.make_provider(settings))
    metrics.export(settings)
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
    except SettingsError as error:
        sys.exit(f"adjutant: {error}; it must be JSON")


async def _run(service: Service, settings: MeshSettings) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def begin_to_stop() -> None:
        stop.set()
        # Ending without a drain loses nothing; a process that never ends stands in the way of
        # the next one. A thread, because the loop may be what does not go on.
        watchdog = threading.Timer(settings.drain_limit_s, _end_now, [settings.drain_limit_s])
        watchdog.daemon = True
        watchdog.start()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, begin_to_stop)
    watch_parent(begin_to_stop)
    await run_service(service, settings, stop, settle)


def settle() -> None:
    """Keep the garbage collector from going through everything again and again.

    What was made at the start stays, and calls leave no cycles behind: at Python's own thresholds
    looking for them takes a seventh of what a call costs.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _end_now(limit_s: float) -> None:
    log.error("the service did not drain within %g s; it ends now", limit_s)
    os._exit(1)
