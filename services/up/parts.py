"""The parts of a mesh: what can be started, waited for and stopped."""

import asyncio
import os
import pathlib
import subprocess
from collections.abc import Mapping, Sequence
from typing import Protocol

from services.mesh.embedded import EmbeddedNats
from services.mesh.identity.files import read_private
from services.mesh.parent import PARENT_FD_VARIABLE

DRAIN_TIMEOUT_S = 10.0


class Part(Protocol):
    """Something that `adjutant up` keeps running."""

    name: str
    """What it is called in messages, as in `orchestrator`."""

    async def start(self) -> None:
        """Start it; raises RuntimeError where that cannot be."""

    async def wait(self) -> str:
        """Return when it has ended, with the reason in a few words."""

    async def stop(self) -> None:
        """Let it drain, and end it when that takes too long. Harmless when it does not run."""

    def kill(self) -> None:
        """End it at once. Harmless when it does not run."""


class NatsPart:
    """The event log: a nats-server child."""

    name = "nats"

    def __init__(self, data_dir: pathlib.Path, port: int, token_path: pathlib.Path) -> None:
        self._data_dir = data_dir
        self._port = port
        self._token_path = token_path
        self._server: EmbeddedNats | None = None

    async def start(self) -> None:
        """Start the server; EmbeddedNatsError or OSError where that cannot be."""
        token = read_private(self._token_path).decode().strip()
        self._server = await EmbeddedNats.start(self._data_dir, self._port, token)

    async def wait(self) -> str:
        """Return when the server has ended."""
        return described(await self._server.wait()) if self._server else "not started"

    async def stop(self) -> None:
        """Stop the server."""
        if self._server:
            await self._server.stop()

    def kill(self) -> None:
        """End the server at once."""
        if self._server:
            self._server.kill()


class ProcessPart:
    """A service in a process of its own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        log_path: pathlib.Path,
        parent_fd: int,
    ) -> None:
        self.name = name
        self._command = command
        self._environ = {**environ, PARENT_FD_VARIABLE: str(parent_fd)}
        self._log_path = log_path
        self._parent_fd = parent_fd
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process; OSError where its program is missing."""
        log = os.open(self._log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A session of its own: Ctrl-C must reach `adjutant up` alone, which stops in order.
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._parent_fd,),
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def wait(self) -> str:
        """Return when the process has ended."""
        return described(await self._process.wait()) if self._process else "not started"

    async def stop(self) -> None:
        """Send SIGTERM, and SIGKILL to what has not drained in time."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), DRAIN_TIMEOUT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def kill(self) -> None:
        """End the process at once."""
        if self._process and self._process.returncode is None:
            self._process.kill()


def described(status: int) -> str:
    """Return an exit status for people."""
    return f"signal {-status}" if status < 0 else f"exit status {status}"
