"""Collects what a run leaves behind: its output, its changes, its commit."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.agent_runner.adapters.git import read_workspace
from services.agent_runner.agents import COMMIT_SHA_FILE
from services.agent_runner.errors import INFRASTRUCTURE, RunFailure
from services.agent_runner.job import OUTPUT, PATCH, blob_key
from services.agent_runner.run import Artifact, Result

if TYPE_CHECKING:
    from services.agent_runner.adapters.git import Workspaces
    from services.agent_runner.backend import Backend
    from services.agent_runner.results import Results
    from services.agent_runner.run import RunRecord
    from services.mesh.blobs import Blobs

_LAST_WORDS_BYTES = 2000


@dataclass(frozen=True, slots=True)
class Collected:
    """What a run left behind."""

    artifacts: tuple[Artifact, ...]
    changed_files: tuple[str, ...]
    results: tuple[Result, ...]
    commit_sha: str
    failure: RunFailure | None
    """Why its changes could not be read or its results not taken, where they could not."""


class Collector:
    """Reads the folders of runs that have ended. Collecting again gives the same.

    So does collecting twice at once: what it writes is each replica's own.
    """

    def __init__(
        self,
        runs_folder: Path,
        backend: Backend,
        workspaces: Workspaces,
        blobs: Blobs,
        results: Results,
    ) -> None:
        self._runs_folder = runs_folder
        self._backend = backend
        self._workspaces = workspaces
        self._blobs = blobs
        self._results = results

    def base_sha(self, job_id: str) -> str:
        """Return the commit that a prepared workspace started from."""
        return read_workspace(self._place(job_id)).base_sha

    def _place(self, job_id: str) -> Path:
        """Return where whoever prepared the job did so; see JobMaker."""
        spec = self._backend.spec(job_id)
        return Path(spec.working_directory).parent if spec else self._runs_folder / job_id

    def last_words(self, job_id: str) -> str:
        """Return the end of what a job printed."""
        try:
            with (self._runs_folder / job_id / OUTPUT).open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LAST_WORDS_BYTES))
                return file.read().decode(errors="replace")
        except FileNotFoundError:
            return ""

    async def collect(self, run: RunRecord, job_id: str, *, succeeded: bool) -> Collected:
        """Keep the output and the changes as artifacts, also of a run that failed.

        Results are those of a job that succeeded.
        """
        place = self._place(job_id)
        artifacts = []
        output = self._runs_folder / job_id / OUTPUT
        if output.exists():
            artifacts.append(await self._keep(run, OUTPUT, output))
        changed_files: list[str] = []
        results: tuple[Result, ...] = ()
        failure = None
        try:
            patch = place / f"{os.getpid()}.{PATCH}"
            changed_files = await self._workspaces.collect(place, patch)
            artifacts.append(await self._keep(run, PATCH, patch))
            if succeeded:
                results = await self._results.collect(run, place)
        except RunFailure as error:
            if error.disposition == INFRASTRUCTURE:
                raise
            failure = error
        sha = place / COMMIT_SHA_FILE
        commit_sha = await asyncio.to_thread(sha.read_text) if sha.exists() else ""
        return Collected(tuple(artifacts), tuple(changed_files), results, commit_sha, failure)

    async def _keep(self, run: RunRecord, artifact_id: str, path: Path) -> Artifact:
        info = await self._blobs.put(blob_key(run.name, artifact_id), path)
        return Artifact(artifact_id=artifact_id, size_bytes=info.size_bytes, sha256=info.sha256)
