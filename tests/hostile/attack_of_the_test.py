"""An attack that succeeds, by other means than the wire: what a run must tell of."""

import os
import signal

import psutil

from tests.hostile.enemy import Enemy


async def kills(enemy: Enemy) -> None:
    """End the service that listens on the target's port."""
    for process in psutil.process_iter(["cmdline"]):
        if f"services.{enemy.target.service}" in (process.info["cmdline"] or ()):
            listening = [c.laddr.port for c in process.net_connections() if c.status == "LISTEN"]
            if enemy.target.port in listening:
                os.kill(process.pid, signal.SIGKILL)
