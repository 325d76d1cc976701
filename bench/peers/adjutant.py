"""Ours: plans of three steps on a mesh of `adjutant up`, submitted over gRPC."""

import contextlib
import os
import pathlib
import signal
import tempfile
from collections.abc import AsyncIterator
from typing import Final

import grpc.aio

from bench import harness
from bench.peers.workflows import Contender, Steps, System
from bench.tasks import Tasks
from services.ports import port_of
from tests.support.access import owner_of, showing
from tests.support.processes import LiveMesh

NAME: Final = "Adjutant"
VICTIMS: Final = ("orchestrator", "agent_runner")
PAUSE_S: Final = 3.5
"""The supervisor takes a service that ends sooner for one that keeps failing, and waits longer."""


class Mesh:
    """A mesh and one subscription to everything that happens in it."""

    def __init__(self, live: LiveMesh, tasks: Tasks) -> None:
        self._live = live
        self._tasks = tasks
        self._names: dict[str, str] = {}

    async def start(self, name: str, steps: Steps) -> None:
        """Submit a task; returns when it is accepted."""
        self._names[name] = await self._tasks.submit(plan(name, steps))

    async def ended(self, name: str) -> None:
        """Wait until the events say that a task has completed."""
        async for _ in self._tasks.story(self._names.pop(name)):
            pass

    async def run(self, name: str, steps: Steps) -> None:
        """Submit a task and wait until it has completed."""
        await self.start(name, steps)
        await self.ended(name)

    async def kill(self, victim: str) -> float:
        """End a service, which the supervisor starts again; when it was killed."""
        pid = self._live.pid_of(victim)
        if pid is None:
            raise RuntimeError(f"there is no {victim} to kill; {PAUSE_S:g} s after a kill is early")
        killed = harness.now_ms()
        os.kill(pid, signal.SIGKILL)
        return killed


def plan(title: str, steps: Steps) -> str:
    """Return a plan whose steps wait for each other; without commands it is ticked off."""
    lines = [f"# {title}", ""]
    for number, command_line in enumerate(steps, 1):
        lines.append(f"- [{' ' if command_line else 'x'}] step {number}")
        lines += [f"  after: {number - 1}"] if number > 1 else []
        lines += [f"  run: {command_line}"] if command_line else []
    return "\n".join(lines) + "\n"


@contextlib.asynccontextmanager
async def mesh(**environ: str) -> AsyncIterator[System]:
    """Run a whole mesh, as its users have it."""
    with tempfile.TemporaryDirectory(prefix="adjutant-bench-") as folder:
        data_dir = pathlib.Path(folder, "data")
        live = LiveMesh(data_dir, {"ADJUTANT_LOG_LEVEL": "WARNING", **environ})
        try:
            await live.start()
            async with contextlib.AsyncExitStack() as stack:
                channels = [
                    await stack.enter_async_context(_channel(live, data_dir, service))
                    for service in ("orchestrator", "notification")
                ]
                tasks = await stack.enter_async_context(Tasks.subscribed(*channels))
                yield Mesh(live, tasks)
        finally:
            await live.stop()


def _channel(live: LiveMesh, data_dir: pathlib.Path, service: str) -> grpc.aio.Channel:
    address = f"127.0.0.1:{port_of(service, live.port_base)}"
    return grpc.aio.insecure_channel(address, interceptors=showing(owner_of(data_dir)))


CONTENDERS: Final = (
    Contender(
        NAME,
        "submitted over gRPC, its end heard from the event stream; SQLite WAL, synchronous NORMAL "
        "(its default): what a process's death leaves, not a power cut",
        mesh,
        VICTIMS,
        synced=False,
        pause_s=PAUSE_S,
        ours=True,
    ),
    Contender(
        f"{NAME}, synchronous FULL",
        "the same with records and checkpoints on disk at once; the event log is not synced",
        lambda: mesh(ADJUTANT_SQLITE_SYNCHRONOUS="FULL"),
        (),
        synced=True,
        pause_s=PAUSE_S,
        ours=True,
    ),
)
