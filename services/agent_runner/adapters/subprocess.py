"""The local backend: jobs are processes of this machine, each owned by a shim.

All it knows stands in the job's folder, so a service that starts anew knows as
much as the one that died.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from services.agent_runner.adapters import processes
from services.agent_runner.adapters.job_folder import JobFolder, open_fifo
from services.agent_runner.adapters.spawner_client import SpawnerClient
from services.agent_runner.backend import JobPhase, JobStatus, OutputPiece, SpawnError

if TYPE_CHECKING:
    from pathlib import Path

    from services.agent_runner.backend import JobSpec, JobStart

_START_TIMEOUT_S = 30.0
_LOST_BELL_S = 0.5
_BURY_INTERVAL_S = 0.02


class LocalBackend:
    """Runs each job in a process group of its own, under a shim that outlives the service."""

    def __init__(self, runs_folder: Path) -> None:
        self._runs_folder = runs_folder
        self._spawner = SpawnerClient()
        self._doorbells: dict[str, _Doorbell] = {}

    async def open(self) -> None:
        """Make ready for the first job."""
        self._runs_folder.mkdir(parents=True, exist_ok=True)
        await self._spawner.start()

    @property
    def spawner_pid(self) -> int | None:
        """The process id of the spawner; None where none is up."""
        return self._spawner.pid

    async def start(self, job_id: str, job: JobSpec) -> JobStart:
        """Start a job at most once, and return when its process runs. Raises SpawnError."""
        folder = self._folder(job_id)
        folder.create(job)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                return await self._start(job_id, folder)
        except TimeoutError:
            detail = _last_line(folder.shim_log_path) or "nothing in its log"
            raise SpawnError(f"the shim did not start the job: {detail}") from None

    async def _start(self, job_id: str, folder: JobFolder) -> JobStart:
        rung = self.next_ring(job_id)
        await self._spawner.spawn(folder.path)
        while (start := folder.start()) is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), _LOST_BELL_S)
            rung = self.next_ring(job_id)
        return start

    def status(self, job_id: str) -> JobStatus:
        """Look how a job stands."""
        folder = self._folder(job_id)
        start = folder.start()
        if start is None:
            return JobStatus(JobPhase.ABSENT)
        lives = folder.shim_lives()  # before exit.json is read: a shim writes it, then goes
        job_exit = folder.exit()
        if job_exit is not None:
            phase = JobPhase.ENDED
        else:
            phase = JobPhase.RUNNING if lives else JobPhase.LOST
        return JobStatus(phase, start, folder.heartbeat(), job_exit)

    def next_ring(self, job_id: str) -> asyncio.Event:
        """Give the event of the job's next change."""
        doorbell = self._doorbells.get(job_id)
        if doorbell is None:
            path = self._folder(job_id).doorbell_path
            if not os.path.exists(path):
                return asyncio.Event()
            doorbell = self._doorbells[job_id] = _Doorbell(path)
        return doorbell.next_ring

    def request_end(self, job_id: str) -> None:
        """Ask the job's shim to end it."""
        self._folder(job_id).request_cancel()

    async def bury(self, job_id: str) -> int:
        """End what a lost job may have left behind, until nothing of it is found."""
        spec = self._folder(job_id).spec()
        token = spec.env.get("ADJUTANT_REPORT_TOKEN", "") if spec else ""
        start = self._folder(job_id).start()
        buried = 0
        while token and (killed := await asyncio.to_thread(_kill_marked, token)):
            buried += killed
            await asyncio.sleep(_BURY_INTERVAL_S)
        if not processes.MARKS_ARE_VISIBLE and start is not None:
            buried += processes.kill_group(start.process_group)
        return buried

    def read_output(self, job_id: str, offset_bytes: int, limit_bytes: int) -> OutputPiece | None:
        """Read what a job printed; None where the file is gone."""
        try:
            with open(self._folder(job_id).output_path, "rb") as file:
                file.seek(offset_bytes)
                data = file.read(limit_bytes)
        except FileNotFoundError:
            return None
        return OutputPiece(data, offset_bytes + len(data))

    def release(self, job_id: str) -> None:
        """Stop listening to a job."""
        doorbell = self._doorbells.pop(job_id, None)
        if doorbell is not None:
            doorbell.close()

    async def close(self) -> None:
        """Let go of everything; jobs go on under their shims."""
        for job_id in list(self._doorbells):
            self.release(job_id)
        await self._spawner.close()

    def _folder(self, job_id: str) -> JobFolder:
        return JobFolder(str(self._runs_folder / job_id))


class _Doorbell:
    """Turns a job's FIFO into events: each ring sets one and lays out the next."""

    def __init__(self, path: str) -> None:
        self._descriptor = open_fifo(path)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._rung)
        self.next_ring = asyncio.Event()

    def _rung(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._descriptor, 65536)
        self.next_ring.set()
        self.next_ring = asyncio.Event()

    def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.next_ring.set()


def _kill_marked(token: str) -> int:
    return processes.kill_with_environment("ADJUTANT_REPORT_TOKEN", token)


def _last_line(path: str) -> str:
    with suppress(FileNotFoundError), open(path) as file:
        return (file.read().strip().splitlines() or [""])[-1]
    return ""
