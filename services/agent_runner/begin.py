"""Begins a run under its lease: prepares its job and starts it, whoever may have done so before.

Two replicas may do this at the same time, of which one was paused. It works in a folder of its
own, the first spec that is laid down stays, and a job is started once.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from services.agent_runner import outcome
from services.agent_runner.adapters.git_command import GitError
from services.agent_runner.backend import JobPhase, SpawnError
from services.agent_runner.errors import INFRASTRUCTURE, RunFailure
from services.agent_runner.held import LOOK_AGAIN_S
from services.agent_runner.run import RunRecord, token_digest
from services.mesh import telemetry

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from adjutant.event.v1 import event_pb2
    from services.agent_runner.backend import JobSpec
    from services.agent_runner.held import HeldRun, Parts


class Beginner:
    """Begins one run."""

    def __init__(self, held: HeldRun, parts: Parts, token: str) -> None:
        """Take the run, and its report token where it was made just now."""
        self._held = held
        self._parts = parts
        self._token = token

    async def begin(self, phase: JobPhase) -> bool:
        """Prepare the job and start it; False where it was cancelled before.

        One that was prepared already may be starting just now, so that only its
        keeper can tell what became of it.
        """
        held, backend = self._held, self._parts.backend
        if phase is JobPhase.ABSENT:
            job = await self._unless_cancelled(self._make())
            if job is None:
                return False
            # Whoever prepared it before, and was paused, is refused from here on; where the job
            # has ended meanwhile, its folder is gone and nothing can be started in it.
            await held.claim()
            if held.cancelled.is_set():
                return False
            await self._prepare(job)
        try:
            await backend.start(held.job_id)
        except SpawnError as error:
            await held.claim()
            backend.request_end(held.job_id, outcome.CANCELLED)
            raise outcome.lost(f"the machine could not start the job: {error}") from None
        return True

    async def _prepare(self, job: JobSpec) -> None:
        """Lay the job down; of two who do, the first one's holds, with the token in it."""
        try:
            stands = self._parts.backend.prepare(self._held.job_id, job)
        except FileNotFoundError:
            raise outcome.lost("the job's folder is gone") from None
        token = stands.env.get("ADJUTANT_REPORT_TOKEN", "")
        if token != self._token:
            await self._set_token(token)

    async def _make(self) -> JobSpec:
        if not self._token:
            await self._set_token(secrets.token_urlsafe(24))
        # A folder of this driver's own: one that was paused must not work in another's.
        place = self._parts.backend.make_folder(self._held.job_id) / f"by-{self._held.fence}"
        try:
            with telemetry.span("prepare run"):
                return await self._parts.jobs.make(self._held.record, place, self._token)
        except (OSError, GitError) as error:
            message = f"the workspace cannot be made: {error}; see that the disk has room"
            raise RunFailure("INTERNAL", message, INFRASTRUCTURE) from error

    async def _set_token(self, token: str) -> None:
        """Note the token that the job has, or will have: only its digest is kept."""
        self._token = token

        def change(run: RunRecord) -> list[event_pb2.Event]:
            run.report_token_digest = token_digest(token)
            return []

        await self._held.write(change)

    async def _unless_cancelled(self, making: Coroutine[None, None, JobSpec]) -> JobSpec | None:
        """Await a preparation, and drop it where the run is cancelled meanwhile."""
        cancelled = self._held.cancelled
        made = asyncio.create_task(making)
        stop = asyncio.create_task(cancelled.wait())
        try:
            while not made.done() and not cancelled.is_set():
                await asyncio.wait(
                    [made, stop], timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not made.done():
                    await self._held.look_for_cancellation()
            if cancelled.is_set():
                return None
            return made.result()
        finally:
            made.cancel()
            stop.cancel()
            await asyncio.gather(made, stop, return_exceptions=True)
