"""DBOS: a library whose worker keeps workflows in SQLite or PostgreSQL."""

import asyncio
import contextlib
import json
import pathlib
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Final

from bench.peers import postgres
from bench.peers.children import READY_TIMEOUT_S, Child, running
from bench.peers.environment import AbsentError, Environment
from bench.peers.workflows import Contender, Steps, System

ENVIRONMENT: Final = Environment("dbos", python=("dbos==3.4.0", "psycopg[binary]==3.3.9"))
PROGRAM: Final = pathlib.Path(__file__).parent / "programs" / "dbos_worker.py"
WORKER: Final = "worker"
NAME: Final = "DBOS 3.4"


class Worker:
    """A worker, spoken to over its standard input and output."""

    def __init__(self, child: Child) -> None:
        self._child = child
        self._ready = asyncio.Event()
        self._started: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._ended: defaultdict[str, asyncio.Future[None]] = defaultdict(
            asyncio.get_running_loop().create_future
        )
        self._listening: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Listen to a worker that has just been started; AbsentError where it does not serve."""
        self._listen()
        ready = asyncio.create_task(self._ready.wait())
        gone = asyncio.create_task(self._child.process.wait())
        done, _ = await asyncio.wait(
            {ready, gone}, timeout=READY_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED
        )
        gone.cancel()
        if ready not in done:
            ready.cancel()
            raise AbsentError(f"cannot be started: {self._child.last_words()}")

    async def close(self) -> None:
        """Listen no longer."""
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def start(self, name: str, steps: Steps) -> None:
        """Start a workflow; returns when it is in the database."""
        self._say(name=name, steps=list(steps))
        await self._started[name].wait()

    async def ended(self, name: str) -> None:
        """Wait until a workflow has completed."""
        await self._ended[name]

    async def run(self, name: str, steps: Steps) -> None:
        """Start a workflow and wait until it has completed."""
        self._say(name=name, steps=list(steps))
        await self.ended(name)

    async def kill(self, victim: str) -> float:
        """End the worker; the next one is asked about what this one left behind."""
        killed = await self._child.kill_and_restart()
        await self.close()
        self._listen()
        for name in self._started:
            if not self._ended[name].done():
                self._say(name=name)
        return killed

    def _say(self, **what: object) -> None:
        stdin = self._child.process.stdin
        assert stdin is not None, "a worker has a pipe"
        stdin.write(json.dumps(what).encode() + b"\n")

    def _listen(self) -> None:
        self._listening = asyncio.create_task(self._hear())

    async def _hear(self) -> None:
        stdout = self._child.process.stdout
        assert stdout is not None, "a worker has a pipe"
        async for line in stdout:
            said = json.loads(line)
            if "ready" in said:
                self._ready.set()
            elif "started" in said:
                self._started[said["started"]].set()
            elif "ended" in said:
                self._ended[said["ended"]].set_result(None)
            else:
                self._ended[said["failed"]].set_exception(RuntimeError(said["why"]))


@contextlib.asynccontextmanager
async def _worker(url: str, folder: pathlib.Path, *settings: str) -> AsyncIterator[System]:
    command = [str(ENVIRONMENT.interpreter), "-P", str(PROGRAM), url, *settings]
    # It must not find our modules: it would count as ours, and so would theirs as ours.
    alone = {"PYTHONPATH": ""}
    child = Child(command, folder / "worker.log", alone, piped=True)
    async with running(child):
        worker = Worker(child)
        try:
            await worker.begin()
            yield worker
        finally:
            await worker.close()


@contextlib.asynccontextmanager
async def on_sqlite(*settings: str) -> AsyncIterator[System]:
    """Run a worker on a database file of its own."""
    await asyncio.to_thread(ENVIRONMENT.ensure)
    with tempfile.TemporaryDirectory(prefix="bench-dbos-") as name:
        folder = pathlib.Path(name)
        async with _worker(f"sqlite:///{folder / 'dbos.sqlite'}", folder, *settings) as worker:
            yield worker


@contextlib.asynccontextmanager
async def on_postgres() -> AsyncIterator[System]:
    """Run a worker on a PostgreSQL of its own."""
    await asyncio.to_thread(ENVIRONMENT.ensure)
    with tempfile.TemporaryDirectory(prefix="bench-dbos-") as name:
        async with (
            postgres.cluster() as url,
            _worker(f"{url}/bench", pathlib.Path(name)) as worker,
        ):
            yield worker


CONTENDERS: Final = (
    Contender(
        f"{NAME}, SQLite as it comes",
        "started in the worker's own process; rollback journal, synchronous FULL: on disk at once",
        on_sqlite,
        (WORKER,),
        synced=True,
    ),
    Contender(
        f"{NAME}, SQLite set as ours",
        "started in the worker's own process; WAL, synchronous NORMAL: what a process's death "
        "leaves, not a power cut",
        lambda: on_sqlite("as-ours"),
        (WORKER,),
        synced=False,
    ),
    Contender(
        f"{NAME}, PostgreSQL",
        "started in the worker's own process; a server beside it, fsync on: on disk at once",
        on_postgres,
        (WORKER,),
        synced=True,
    ),
)
