"""A mesh as its users run it: `adjutant up`, with processes that can be killed."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil

from services.ports import free_port_base
from tests.support.mesh import Caller

READY_TIMEOUT_S = 40


class LiveMesh:
    """One mesh, started by the real supervisor."""

    def __init__(self, data_dir: Path, environ: dict[str, str]) -> None:
        self.data_dir = data_dir
        self.port_base = free_port_base(int(environ.get("ADJUTANT_REPLICAS", "1")))
        self._environ = {**os.environ, **environ}
        self._up: subprocess.Popen[bytes] | None = None
        self._log = data_dir.with_suffix(".log")

    async def start(self) -> None:
        """Start the supervisor, and wait until every service serves."""
        self.launch()
        async with asyncio.timeout(READY_TIMEOUT_S):
            while not self.serves():
                if not self.is_up():
                    raise AssertionError(f"the mesh did not start: {self._log.read_text()}")
                await asyncio.sleep(0.02)

    def launch(self) -> None:
        """Start the supervisor, and wait for nothing."""
        command = [sys.executable, "-m", "services.up", "--data-dir", str(self.data_dir)]
        with self._log.open("ab") as log:
            self._up = subprocess.Popen(
                [*command, "--port-base", str(self.port_base)],
                stdout=log,
                stderr=log,
                env=self._environ,
                start_new_session=True,
            )

    def is_up(self) -> bool:
        """Tell whether the supervisor runs."""
        return self._up is not None and self._up.poll() is None

    async def stop(self) -> None:
        """Stop as Ctrl-C does."""
        if self._up and self._up.poll() is None:
            self.resume_all()
            self._up.send_signal(signal.SIGINT)
            await asyncio.to_thread(self._up.wait, 60)

    def pid_of(self, part: str) -> int | None:
        """Return the process id of a part; None while it has none.

        A service's name is its first replica's; `agent_runner-1` is the second one.
        """
        assert self._up is not None
        if part == "up":
            return self._up.pid
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                if _is(part, process):
                    return process.pid
        return None

    async def kill(self, part: str) -> None:
        """Kill a part with SIGKILL; the supervisor itself is started again by us.

        A spawner that was killed before is back with the next job; till then there is none.
        """
        async with asyncio.timeout(READY_TIMEOUT_S):
            while (pid := self.pid_of(part)) is None:
                if part == "spawner":
                    return
                await asyncio.sleep(0.02)
        os.kill(pid, signal.SIGKILL)
        if part == "up":
            assert self._up is not None
            self._up.wait()
            await self.start()

    def jobs_left(self) -> list[list[str]]:
        """Return what works for a run: its shim holds the folder open, its job works in it."""
        folder = str(self.data_dir / "agent_runner" / "runs")
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                places = [process.cwd(), *(file.path for file in process.open_files())]
                if any(place.startswith(folder) for place in places):
                    found.append(process.cmdline())
        return found

    def pause(self, part: str) -> None:
        """Stop a part as a frozen machine would: it keeps its connections and says nothing."""
        self._signal(part, signal.SIGSTOP)

    def resume(self, part: str) -> None:
        """Let a part that was paused go on."""
        self._signal(part, signal.SIGCONT)

    def resume_all(self) -> None:
        """Let everything go on, so that it can be stopped."""
        assert self._up is not None
        for pid in (self._up.pid, *(process.pid for process in self._family())):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def log_of(self, part: str) -> str:
        """Return what a service's replica has written to its log."""
        return (self.data_dir / "logs" / f"{part}.log").read_text()

    def _signal(self, part: str, number: signal.Signals) -> None:
        pid = self.pid_of(part)
        assert pid is not None, f"{part} does not run"
        os.kill(pid, number)

    def _family(self) -> list[psutil.Process]:
        assert self._up is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self._up.pid).children(recursive=True)
        return []

    def serves(self) -> bool:
        """Tell whether the supervisor that runs has found every service serving."""
        path = self.data_dir / "mesh.json"
        with contextlib.suppress(OSError, json.JSONDecodeError):
            assert self._up is not None
            return bool(json.loads(path.read_text()).get("pid") == self._up.pid)
        return False


def _is(part: str, process: psutil.Process) -> bool:
    command = process.cmdline()
    if part == "nats":
        return bool(command) and Path(command[0]).name == "nats-server"
    if part == "spawner":
        return "adjutant-spawner" in command
    service, _, replica = part.partition("-")
    if f"services.{service}" not in command:
        return False
    return process.environ().get("ADJUTANT_REPLICA", "0") == (replica or "0")


@contextlib.asynccontextmanager
async def live_mesh(data_dir: Path, **environ: str) -> AsyncIterator[tuple[LiveMesh, Caller]]:
    """Run a mesh for the block; the caller calls the first replica of each service."""
    mesh = LiveMesh(data_dir, environ)
    await mesh.start()
    caller = Caller(mesh.port_base, data_dir)
    try:
        await caller.make_project()
        yield mesh, caller
    finally:
        await caller.close()
        await mesh.stop()
