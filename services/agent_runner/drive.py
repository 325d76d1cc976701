"""Takes one run from where it stands to its end, whoever began it.

Everything that a driver needs is in the store and with the backend, so that it
may be dropped at any point and made anew: by the reconcile loop, by the next
service, or by another replica.

A driver works under the run's lease, and every write carries the lease's token. One that was
paused while another replica took over finds its next write refused (STALE_FENCE), and leaves
the job alone. What it does to the job without a write is harmless then: it works in a folder of
its own, the first spec stays, and a job is started once.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.agent_runner import liveness, outcome
from services.agent_runner.adapters.git_command import GitError
from services.agent_runner.backend import JobPhase, SpawnError
from services.agent_runner.errors import INFRASTRUCTURE, WORK, RunFailure
from services.agent_runner.patience import happens
from services.agent_runner.progress import Progress
from services.agent_runner.run import (
    RUNS,
    Failure,
    Report,
    RunRecord,
    move,
    seems,
    token_digest,
)
from services.agent_runner.words import report_of
from services.mesh import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from adjutant.event.v1 import event_pb2
    from services.agent_runner.backend import Backend, JobSpec, JobStart, JobStatus
    from services.agent_runner.collect import Collected, Collector
    from services.agent_runner.job import JobMaker
    from services.mesh.store import Store

_LOOK_AGAIN_S: Final = 2.0
"""A lost ring delays what happens next by at most this."""


class RunEndedError(Exception):
    """Somebody else brought the run to its end; nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What drivers work with."""

    store: Store
    backend: Backend
    jobs: JobMaker
    collector: Collector
    limits: liveness.LivenessLimits
    progress_interval_s: float


class Driver:
    """Looks after one run, under its lease."""

    def __init__(self, run: RunRecord, parts: Parts, fence: int, token: str = "") -> None:
        """Take the run, the lease's fencing token, and its report token where it was made now."""
        self._parts = parts
        self._fence = fence
        self._token = token
        self._run = run
        self._job_id = run.job_id
        self._cancelled = asyncio.Event()
        self._observation: liveness.Observation | None = None
        self._report_time_s = 0.0
        self._progress = Progress(run.name, parts.store, fence, parts.progress_interval_s)
        self.heartbeat_time = run.heartbeat_time
        """When the job was last seen alive."""

    async def drive(self) -> None:
        """Return when the run is in a final state, and nothing is left of its job.

        STALE_FENCE where another replica has taken over.
        """
        with telemetry.attached(self._run.headers):
            try:
                if not self._token:
                    await self._claim()
                status = await self._bring_to_end()
                await self._conclude(status)
            except RunFailure as failure:
                await self._settle(failure)
            except RunEndedError:
                return
            await self._parts.backend.remove(self._job_id)

    async def abandon(self) -> None:
        """End a run that could not be looked after, again and again."""
        backend = self._parts.backend
        await self._claim()
        backend.request_end(self._job_id, outcome.CANCELLED)
        while backend.status(self._job_id).phase is JobPhase.RUNNING:
            await happens(backend.next_change(self._job_id), _LOOK_AGAIN_S)
        await backend.bury(self._job_id)
        message = "the runner could not take in how the run ended; its log says why"
        # The fault of the work as far as anybody can tell: the job is not run once more.
        await self._settle(RunFailure("INTERNAL", message, WORK))
        await backend.remove(self._job_id)

    def cancel(self) -> None:
        """Do at once what the CANCELLING in the store asks for."""
        self._cancelled.set()
        self._parts.backend.request_end(self._job_id, outcome.CANCELLED)

    def report(self, report: Report) -> None:
        """Take what the job says of itself; bare, it is a sign of life."""
        self._take_words()  # what it said to another replica came first
        self._hear(report)

    def _take_words(self) -> None:
        """Take what the job said to replicas that do not look after it."""
        for word in self._parts.backend.take_words(self._job_id):
            self._hear(report_of(word))

    def _hear(self, report: Report) -> None:
        self.heartbeat_time = datetime.now(UTC)
        self._report_time_s = self.heartbeat_time.timestamp()
        if not report.is_bare:
            self._progress.say(report)

    async def _claim(self) -> None:
        """Make the run this driver's: whoever looked after it before is refused from now on.

        RunEndedError where it has ended meanwhile.
        """
        await self._write(lambda run: None if run.is_final else [])
        if self._run.is_final:
            raise RunEndedError
        if self._run.state == "CANCELLING":
            self.cancel()

    async def _write(
        self, change: Callable[[RunRecord], list[event_pb2.Event] | None]
    ) -> RunRecord:
        self._run = await self._parts.store.update(RUNS, self._run.name, change, fence=self._fence)
        return self._run

    async def _bring_to_end(self) -> JobStatus | None:
        """Start the job where it was not, and wait for its end; None where it never ran."""
        status = self._parts.backend.status(self._job_id)
        if status.phase in (JobPhase.ABSENT, JobPhase.PREPARED):
            if self._run.state == "RUNNING":
                raise outcome.lost("the job's folder is gone")
            if not await self._start(status.phase):
                return None
        return await self._watch()

    async def _start(self, phase: JobPhase) -> bool:
        """Prepare the job and start it; False where it was cancelled before.

        One that was prepared already may be starting just now, so that only its
        keeper can tell what became of it.
        """
        if phase is JobPhase.ABSENT:
            job = await self._unless_cancelled(self._make())
            if job is None:
                return False
            # Whoever prepared it before, and was paused, is refused from here on; where the job
            # has ended meanwhile, its folder is gone and nothing can be started in it.
            await self._claim()
            if self._cancelled.is_set():
                return False
            await self._prepare(job)
        try:
            await self._parts.backend.start(self._job_id)
        except SpawnError as error:
            await self._claim()
            self._parts.backend.request_end(self._job_id, outcome.CANCELLED)
            raise outcome.lost(f"the machine could not start the job: {error}") from None
        return True

    async def _prepare(self, job: JobSpec) -> None:
        """Lay the job down; of two who do, the first one's holds, with the token in it."""
        try:
            stands = self._parts.backend.prepare(self._job_id, job)
        except FileNotFoundError:
            raise outcome.lost("the job's folder is gone") from None
        token = stands.env.get("ADJUTANT_REPORT_TOKEN", "")
        if token != self._token:
            await self._set_token(token)

    async def _make(self) -> JobSpec:
        if not self._token:
            await self._set_token(secrets.token_urlsafe(24))
        # A folder of this driver's own: one that was paused must not work in another's.
        place = self._parts.backend.make_folder(self._job_id) / f"by-{self._fence}"
        try:
            with telemetry.span("prepare run"):
                return await self._parts.jobs.make(self._run, place, self._token)
        except (OSError, GitError) as error:
            message = f"the workspace cannot be made: {error}; see that the disk has room"
            raise RunFailure("INTERNAL", message, INFRASTRUCTURE) from error

    async def _set_token(self, token: str) -> None:
        """Note the token that the job has, or will have: only its digest is kept."""
        self._token = token

        def change(run: RunRecord) -> list[event_pb2.Event]:
            run.report_token_digest = token_digest(token)
            return []

        await self._write(change)

    async def _unless_cancelled(self, making: Coroutine[None, None, JobSpec]) -> JobSpec | None:
        """Await a preparation, and drop it where the run is cancelled meanwhile."""
        made = asyncio.create_task(making)
        stop = asyncio.create_task(self._cancelled.wait())
        try:
            while not made.done() and not self._cancelled.is_set():
                await asyncio.wait(
                    [made, stop], timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not made.done():
                    await self._look_for_cancellation()
            if self._cancelled.is_set():
                return None
            return made.result()
        finally:
            made.cancel()
            stop.cancel()
            await asyncio.gather(made, stop, return_exceptions=True)

    async def _look_for_cancellation(self) -> None:
        """See whether another replica was asked to end the run: there is no job yet to tell."""
        run = await self._parts.store.get(RUNS, self._run.name)
        if run.state == "CANCELLING":
            self.cancel()

    async def _watch(self) -> JobStatus:
        """Follow the job until nothing of it is left, or nothing looks after it."""
        backend = self._parts.backend
        while True:
            changed = backend.next_change(self._job_id)
            status = backend.status(self._job_id)
            self._take_words()
            if status.start is not None:
                await self._mark_running(status.start)
            if status.phase is not JobPhase.RUNNING:
                return status
            await self._judge(status)
            await happens(changed, _LOOK_AGAIN_S)

    async def _mark_running(self, start: JobStart) -> None:
        if self._run.start_time is not None:
            return
        base_sha = self._parts.collector.base_sha(self._job_id)

        def change(run: RunRecord) -> list[event_pb2.Event]:
            run.start_time = datetime.fromtimestamp(start.time_s, UTC)
            run.process_group = start.process_group
            run.base_sha = base_sha
            run.liveness = liveness.ACTIVE
            return move(run, "RUNNING") if run.state == "PREPARING" else []

        await self._write(change)
        if self._run.state == "CANCELLING":
            self._parts.backend.request_end(self._job_id, outcome.CANCELLED)

    async def _judge(self, status: JobStatus) -> None:
        """See what the job seems to be doing, tell of a change, and end what is stuck."""
        if status.heartbeat is None or status.start is None:
            return
        last = self._observation or liveness.first_observation(status.start.time_s)
        if status.heartbeat.time_s > last.cpu_mark_time_s:
            last = liveness.observe(last, status.heartbeat, self._report_time_s, self._parts.limits)
            self.heartbeat_time = datetime.fromtimestamp(status.heartbeat.time_s, UTC)
            await self._tell(last.liveness)
        self._observation = last
        if liveness.is_stuck(last, status.heartbeat.time_s, self._parts.limits):
            self._parts.backend.request_end(self._job_id, outcome.STUCK)

    async def _tell(self, found: str) -> None:
        if self._run.liveness != found:
            await self._write(lambda run: seems(run, found))

    async def _conclude(self, status: JobStatus | None) -> None:
        """Collect what the job left, and write its end."""
        if status is None:
            return await self._settle(outcome.cancelled())
        failure = await self._failure_of(status)
        try:
            with telemetry.span("collect run"):
                collected = await self._parts.collector.collect(
                    self._run, self._job_id, succeeded=failure is None
                )
        except RunFailure as away:
            # The job has run to its end: what is done again is the collecting, not the job.
            raise RuntimeError(f"what the job left cannot be collected: {away}") from away
        exit_code = status.exit.exit_code if status.exit else None
        end_time_s = status.exit.time_s if status.exit else None
        return await self._settle(failure or collected.failure, collected, exit_code, end_time_s)

    async def _failure_of(self, status: JobStatus) -> RunFailure | None:
        if status.exit is None:
            left = await self._parts.backend.bury(self._job_id)
            return outcome.lost(
                f"the job's keeper vanished without a record of its end; {left} processes"
                " that it left were ended"
            )
        return outcome.failure_of(
            status.exit,
            self._parts.jobs.agents.get(self._run.agent),
            self._parts.collector.last_words(self._job_id),
            self._parts.jobs.timeout_s(self._run),
            self._parts.limits.stuck_after_s,
        )

    async def _settle(
        self,
        failure: RunFailure | None,
        collected: Collected | None = None,
        exit_code: int | None = None,
        end_time_s: float | None = None,
    ) -> None:
        """Write the final state with all that belongs to it, once."""
        self._take_words()
        await self._progress.close()

        def change(run: RunRecord) -> list[event_pb2.Event] | None:
            if run.is_final:
                return None
            run.exit_code = exit_code
            run.end_time = datetime.fromtimestamp(end_time_s, UTC) if end_time_s else _now()
            run.heartbeat_time = self.heartbeat_time
            if collected is not None:
                run.artifacts = collected.artifacts
                run.results = collected.results if _succeeds(run, failure) else ()
                run.changed_files = collected.changed_files
                run.commit_sha = collected.commit_sha
            return _final(run, failure)

        await self._write(change)


def _succeeds(run: RunRecord, failure: RunFailure | None) -> bool:
    return failure is None and run.state != "CANCELLING"


def _final(run: RunRecord, failure: RunFailure | None) -> list[event_pb2.Event]:
    if run.state == "CANCELLING":
        return move(run, "CANCELLED", _stored(outcome.cancelled()))
    if failure is None:
        return move(run, "SUCCEEDED")
    return move(run, "FAILED", _stored(failure))


def _stored(failure: RunFailure) -> Failure:
    return Failure(reason=failure.reason, message=failure.message, disposition=failure.disposition)


def _now() -> datetime:
    return datetime.now(UTC)
