"""The local backend: jobs are processes of this machine, each owned by a shim.

All it knows stands in the job's folder, so a service that starts anew knows as
much as the one that died, and replicas that share the folder know the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from services.agent_runner.adapters import processes
from services.agent_runner.adapters.job_folder import STATE_CHANGED, JobFolder
from services.agent_runner.adapters.job_words import JobWords
from services.agent_runner.adapters.spawner_client import SpawnerClient
from services.agent_runner.backend import JobPhase, JobStatus, OutputPiece, SpawnError
from services.mesh.tasks import happens

if TYPE_CHECKING:
    from pathlib import Path

    from services.agent_runner.backend import JobSpec, JobWord

_START_TIMEOUT_S = 30.0
_LOST_BELL_S = 0.5
_LOOKS_PER_SHIM = 4
_BURY_INTERVAL_S = 0.02
_REMOVED = ".removed."


class LocalBackend:
    """Runs each job in a process group of its own, under a shim that outlives the service."""

    def __init__(self, runs_folder: Path, listener: str = "service") -> None:
        """Take where the jobs' folders are, and what this replica is called among its own."""
        self._runs_folder = runs_folder
        self._listener = listener
        self._spawner = SpawnerClient()
        self._doorbells: dict[str, _Doorbell] = {}

    async def open(self) -> None:
        """Make ready for the first job."""
        self._runs_folder.mkdir(parents=True, exist_ok=True)
        for removed in self._runs_folder.glob(f"{_REMOVED}*"):
            await asyncio.to_thread(shutil.rmtree, removed, ignore_errors=True)
        await self._spawner.start()

    @property
    def spawner_pid(self) -> int | None:
        """The process id of the spawner; None where none is up."""
        return self._spawner.pid

    def make_folder(self, job_id: str) -> Path:
        """Make the job's folder, where whoever prepares it may work."""
        path = self._runs_folder / job_id
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def prepare(self, job_id: str, job: JobSpec) -> JobSpec:
        """Write the job's spec unless there is one, and return the one that holds."""
        return self._folder(job_id).create(job)

    def spec(self, job_id: str) -> JobSpec | None:
        """Return what a prepared job runs."""
        return self._folder(job_id).spec()

    async def start(self, job_id: str) -> None:
        """Start a job at most once, and return when it runs or has ended. Raises SpawnError."""
        folder = self._folder(job_id)
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                await self._start(job_id, folder)
        except TimeoutError:
            if _has_begun(folder):  # we were paused, not the shim
                return
            detail = _last_line(folder.shim_log_path) or "nothing in its log"
            raise SpawnError(f"the shim did not start the job: {detail}") from None

    async def _start(self, job_id: str, folder: JobFolder) -> None:
        """Ask for a shim until one has the job: one may be killed before it read which it is."""
        while not _has_begun(folder):
            await self._spawner.spawn(folder.path)
            for _ in range(_LOOKS_PER_SHIM):
                changed = self.next_change(job_id)
                if _has_begun(folder):
                    return
                await happens(changed, _LOST_BELL_S)

    def status(self, job_id: str) -> JobStatus:
        """Look how a job stands."""
        folder = self._folder(job_id)
        start = folder.start()
        # Looked at before exit.json is read: a shim writes that, and then goes.
        lives = start is not None and folder.shim_lives()
        if (job_exit := folder.exit()) is not None:
            phase = JobPhase.ENDED
        elif start is None:
            phase = JobPhase.PREPARED if folder.spec() else JobPhase.ABSENT
        else:
            phase = JobPhase.RUNNING if lives else JobPhase.LOST
        return JobStatus(phase, start, folder.heartbeat(), job_exit)

    def next_change(self, job_id: str) -> asyncio.Event:
        """Give the event of the job's next change."""
        return self._doorbell(job_id).next_change

    def next_output(self, job_id: str) -> asyncio.Event:
        """Give the event of the job's next output or change."""
        return self._doorbell(job_id).next_output

    def _doorbell(self, job_id: str) -> _Doorbell:
        folder = self._folder(job_id)
        if not os.path.isdir(folder.path):
            # Removed meanwhile, and nobody would ever hang up: whoever reads its log looks again.
            return _Doorbell()
        doorbell = self._doorbells.setdefault(job_id, _Doorbell())
        doorbell.listen(folder, self._listener)
        return doorbell

    def leave_word(self, job_id: str, word: JobWord) -> bool:
        """Keep what a job said, and wake who looks after it; False where the job has ended."""
        folder = self._folder(job_id)
        taken = JobWords(folder.path).leave(word)
        folder.ring_doorbells(STATE_CHANGED)
        return taken

    def words(self, job_id: str) -> JobWords:
        """Return what a job said of itself."""
        return JobWords(self._folder(job_id).path)

    def request_end(self, job_id: str, reason: str) -> None:
        """Ask the job's shim to end it; without a folder there is nothing to end."""
        with suppress(FileNotFoundError):
            self._folder(job_id).request_end(reason)

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
                # An offset that no file can have is no error: nothing is there.
                file.seek(min(offset_bytes, os.fstat(file.fileno()).st_size))
                data = file.read(limit_bytes)
        except FileNotFoundError:
            return None
        return OutputPiece(data, offset_bytes + len(data))

    async def remove(self, job_id: str) -> None:
        """Remove the job's folder and stop listening: in this order, or a reader listens anew."""
        # Its name goes at once: nobody may begin anything in a folder that is being removed.
        removed = self._runs_folder / f"{_REMOVED}{job_id}.{os.getpid()}"
        with suppress(FileNotFoundError):
            os.rename(self._runs_folder / job_id, removed)
            await asyncio.to_thread(shutil.rmtree, removed, ignore_errors=True)
        self._hang_up(job_id)

    def jobs(self) -> list[str]:
        """List the jobs that have a folder."""
        names = os.listdir(self._runs_folder)
        return sorted(name for name in names if not name.startswith(_REMOVED))

    def forget_removed(self) -> None:
        """Stop listening to jobs that another replica has removed."""
        for job_id in list(self._doorbells):
            if not os.path.isdir(self._runs_folder / job_id):
                self._hang_up(job_id)

    def _hang_up(self, job_id: str) -> None:
        doorbell = self._doorbells.pop(job_id, None)
        if doorbell is not None:
            doorbell.close()

    async def close(self) -> None:
        """Let go of everything; jobs go on under their shims."""
        for job_id in list(self._doorbells):
            self._hang_up(job_id)
        await self._spawner.close()

    def _folder(self, job_id: str) -> JobFolder:
        return JobFolder(str(self._runs_folder / job_id))


class _Doorbell:
    """Turns what a job's FIFO says into events: each ring sets one and lays out the next."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self.next_change = asyncio.Event()
        self.next_output = asyncio.Event()

    def listen(self, folder: JobFolder, listener: str) -> None:
        """Begin to listen, unless that was begun."""
        if self._descriptor is None:
            try:
                self._descriptor = folder.open_doorbell(listener)
            except FileNotFoundError:  # removed just now
                return
            asyncio.get_running_loop().add_reader(self._descriptor, self._rung, self._descriptor)
            self._ring(STATE_CHANGED)  # whoever waited for the first ring looks again

    def close(self) -> None:
        """Stop listening, and wake whoever waits."""
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
        self._ring(STATE_CHANGED)

    def _rung(self, descriptor: int) -> None:
        with suppress(BlockingIOError):
            self._ring(os.read(descriptor, 65536))

    def _ring(self, what: bytes) -> None:
        self.next_output.set()
        self.next_output = asyncio.Event()
        if STATE_CHANGED in what:
            self.next_change.set()
            self.next_change = asyncio.Event()


def _has_begun(folder: JobFolder) -> bool:
    return folder.start() is not None or folder.exit() is not None


def _kill_marked(token: str) -> int:
    return processes.kill_with_environment("ADJUTANT_REPORT_TOKEN", token)


def _last_line(path: str) -> str:
    with suppress(FileNotFoundError), open(path) as file:
        return (file.read().strip().splitlines() or [""])[-1]
    return ""
