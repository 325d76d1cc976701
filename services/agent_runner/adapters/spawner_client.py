"""The service's side of the spawner: keeps one alive and asks it for shims."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field

from services.agent_runner.backend import SpawnError

_ATTEMPTS = 3
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH")

# The program comes by standard input, so that the command line does not name the
# service: whoever ends the service by its name must not end its jobs.
_PROGRAM = b"from services.agent_runner.adapters.spawner import main\nmain()\n"


@dataclass
class _Spawner:
    process: subprocess.Popen[bytes]
    writer: asyncio.StreamWriter
    waiting: dict[int, asyncio.Future[str]] = field(default_factory=dict)
    reading: asyncio.Task[None] | None = None
    dead: bool = False


class SpawnerClient:
    """Asks the spawner for a shim; starts a new spawner where the last one died."""

    def __init__(self) -> None:
        self._spawner: _Spawner | None = None
        self._starting = asyncio.Lock()
        self._ids = itertools.count(1)

    @property
    def pid(self) -> int | None:
        """The process id of the spawner; None where none is up."""
        return self._spawner.process.pid if self._spawner and not self._spawner.dead else None

    async def start(self) -> None:
        """Bring a spawner up before the first job needs it."""
        await self._ready()

    async def spawn(self, folder: str) -> None:
        """Fork a shim for a job's folder; harmless where one is there already.

        Raises SpawnError where the machine has no room for another process.
        """
        for _ in range(_ATTEMPTS):
            spawner = await self._ready()
            error = await self._ask(spawner, folder)
            if error is not None:
                break
        else:
            error = "the spawner died again and again"
        if error:
            raise SpawnError(error)

    async def close(self) -> None:
        """Let the spawner end; its shims go on."""
        spawner, self._spawner = self._spawner, None
        if spawner is None:
            return
        spawner.writer.close()
        if spawner.reading:
            await spawner.reading
        await asyncio.to_thread(spawner.process.wait)

    async def _ask(self, spawner: _Spawner, folder: str) -> str | None:
        """Return what went wrong, empty for nothing; None where the spawner died."""
        number = next(self._ids)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        spawner.waiting[number] = answer
        spawner.writer.write(json.dumps({"id": number, "folder": folder}).encode() + b"\n")
        try:
            return await answer
        except ConnectionError:
            return None

    async def _ready(self) -> _Spawner:
        async with self._starting:
            if self._spawner is None or self._spawner.dead:
                self._spawner = await self._launch()
            return self._spawner

    async def _launch(self) -> _Spawner:
        ours, theirs = socket.socketpair()
        with theirs:
            process = _popen(theirs.fileno())
        reader, writer = await asyncio.open_connection(sock=ours)
        spawner = _Spawner(process, writer)
        spawner.reading = asyncio.create_task(self._read(spawner, reader))
        return spawner

    async def _read(self, spawner: _Spawner, reader: asyncio.StreamReader) -> None:
        """Hand answers out until the spawner is gone, then tell those who still wait."""
        try:
            while line := await reader.readline():
                answer = json.loads(line)
                waiting = spawner.waiting.pop(answer["id"])
                if not waiting.done():
                    waiting.set_result(answer["error"])
        except ConnectionError:  # it died with an answer half sent
            pass
        finally:
            spawner.dead = True
            spawner.writer.close()
            for waiting in spawner.waiting.values():
                if not waiting.done():
                    waiting.set_exception(ConnectionError("the spawner is gone"))
            await asyncio.to_thread(spawner.process.wait)


def _popen(control: int) -> subprocess.Popen[bytes]:
    env = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, "-P", "-", "adjutant-spawner", str(control)],
        stdin=subprocess.PIPE,
        env=env,
        pass_fds=[control],
    )
    assert process.stdin is not None
    with process.stdin as program:
        program.write(_PROGRAM)
    return process
