"""Reads what a run prints and leaves behind, as streams that resume from an offset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.agent_runner.backend import OutputPiece
from services.agent_runner.job import OUTPUT, blob_key
from services.agent_runner.results import ARTIFACT_PREFIX
from services.agent_runner.run import RUNS
from services.mesh.errors import AdjutantError
from services.mesh.events import shutting_down
from services.mesh.tasks import happens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from services.agent_runner.backend import Backend
    from services.agent_runner.run import RunRecord
    from services.mesh.blobs import Blobs
    from services.mesh.store import Store

PIECE_BYTES: Final = 64 * 1024
_LOOK_AGAIN_S: Final = 0.5


class Reader:
    """Serves any number of readers of any number of runs."""

    def __init__(
        self, store: Store, backend: Backend, blobs: Blobs, is_stopping: Callable[[], bool]
    ) -> None:
        self._store = store
        self._backend = backend
        self._blobs = blobs
        self._is_stopping = is_stopping

    async def tail(self, name: str, offset_bytes: int, follow: bool) -> AsyncIterator[OutputPiece]:
        """Yield a run's output from an offset on; with follow until the run has ended.

        The offset may lie beyond what is there yet. NOT_FOUND, SHUTTING_DOWN.
        """
        run = await self._store.get(RUNS, name)
        position = offset_bytes
        while not run.is_final:
            printed = self._backend.next_output(run.job_id)
            piece = self._backend.read_output(run.job_id, position, PIECE_BYTES)
            if piece is not None and piece.data:
                yield piece
                position = piece.next_offset_bytes
                continue
            run = await self._store.get(RUNS, name)
            if run.is_final:
                break
            if not follow:
                return
            if self._is_stopping():
                raise shutting_down()
            await happens(printed, _LOOK_AGAIN_S)
        # The live file goes after the end; the artifact holds the same bytes, and all of them.
        if any(artifact.artifact_id == OUTPUT for artifact in run.artifacts):
            async for piece in self._blob(run, OUTPUT, position):
                yield piece

    async def artifact(
        self, name: str, artifact_id: str, offset_bytes: int
    ) -> AsyncIterator[OutputPiece]:
        """Yield an artifact from an offset on. NOT_FOUND."""
        run = await self._store.get(RUNS, name)
        known = [artifact.artifact_id for artifact in run.artifacts]
        known += [f"{ARTIFACT_PREFIX}{result.name}" for result in run.results]
        if artifact_id not in known:
            has = f"it has: {', '.join(known)}" if known else "it has none (yet)"
            message = f"{name} has no artifact '{artifact_id}'; {has}."
            raise AdjutantError("NOT_FOUND", message, "artifact_id")
        async for piece in self._blob(run, artifact_id, offset_bytes):
            yield piece

    async def _blob(
        self, run: RunRecord, artifact_id: str, offset_bytes: int
    ) -> AsyncIterator[OutputPiece]:
        position = offset_bytes
        async for data in self._blobs.read(blob_key(run.name, artifact_id), offset_bytes):
            position += len(data)
            yield OutputPiece(data, position)
