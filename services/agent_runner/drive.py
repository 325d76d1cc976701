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

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.agent_runner import liveness, outcome
from services.agent_runner.backend import JobPhase
from services.agent_runner.begin import Beginner
from services.agent_runner.errors import WORK, RunFailure
from services.agent_runner.held import LOOK_AGAIN_S, HeldRun, RunEndedError
from services.agent_runner.progress import Progress
from services.agent_runner.run import Failure, RunRecord, move, seems
from services.mesh import telemetry
from services.mesh.tasks import happens

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2
    from services.agent_runner.backend import JobStart, JobStatus
    from services.agent_runner.collect import Collected
    from services.agent_runner.held import Parts


class Driver:
    """Looks after one run, under its lease."""

    def __init__(self, run: RunRecord, parts: Parts, fence: int, token: str = "") -> None:
        """Take the run, the lease's fencing token, and its report token where it was made now."""
        self._parts = parts
        self._held = HeldRun(run, parts, fence)
        self._beginner = Beginner(self._held, parts, token)
        self._is_new = bool(token)
        self._job_id = run.job_id
        self._observation: liveness.Observation | None = None
        self._report_time_s = 0.0
        words = parts.backend.words(run.job_id)
        self._progress = Progress(run.name, parts.store, fence, words, parts.progress_interval_s)
        self.heartbeat_time = run.heartbeat_time
        """When the job was last seen alive."""

    async def drive(self) -> None:
        """Return when the run is in a final state, and nothing is left of its job.

        STALE_FENCE where another replica has taken over.
        """
        with telemetry.attached(self._held.record.headers):
            try:
                if not self._is_new:
                    await self._held.claim()
                status = await self._bring_to_end()
                await self._conclude(status)
            except RunFailure as failure:
                await self._settle(failure)
            except RunEndedError:
                return
            finally:
                await self._progress.stop()
            await self._parts.backend.remove(self._job_id)

    async def abandon(self) -> None:
        """End a run that could not be looked after, again and again."""
        backend = self._parts.backend
        await self._held.claim()
        backend.request_end(self._job_id, outcome.CANCELLED)
        while backend.status(self._job_id).phase is JobPhase.RUNNING:
            await happens(backend.next_change(self._job_id), LOOK_AGAIN_S)
        await backend.bury(self._job_id)
        message = "the runner could not take in how the run ended; its log says why"
        # The fault of the work as far as anybody can tell: the job is not run once more.
        await self._settle(RunFailure("INTERNAL", message, WORK))
        await backend.remove(self._job_id)

    def cancel(self) -> None:
        """Do at once what the CANCELLING in the store asks for."""
        self._held.cancel()

    def _listen(self) -> None:
        """Take in what the job says of itself."""
        self._progress.look()
        reported_time_s = self._parts.backend.words(self._job_id).reported_time_s()
        if reported_time_s > self._report_time_s:
            self._report_time_s = reported_time_s
            self.heartbeat_time = datetime.fromtimestamp(reported_time_s, UTC)

    async def _bring_to_end(self) -> JobStatus | None:
        """Start the job where it was not, and wait for its end; None where it never ran."""
        status = self._parts.backend.status(self._job_id)
        if status.phase in (JobPhase.ABSENT, JobPhase.PREPARED):
            if self._held.record.state == "RUNNING":
                raise outcome.lost("the job's folder is gone")
            if not await self._beginner.begin(status.phase):
                return None
        return await self._watch()

    async def _watch(self) -> JobStatus:
        """Follow the job until nothing of it is left, or nothing looks after it."""
        backend = self._parts.backend
        while True:
            changed = backend.next_change(self._job_id)
            status = backend.status(self._job_id)
            self._listen()
            if status.start is not None:
                await self._mark_running(status.start)
            if status.phase is not JobPhase.RUNNING:
                return status
            await self._judge(status)
            await happens(changed, LOOK_AGAIN_S)

    async def _mark_running(self, start: JobStart) -> None:
        if self._held.record.start_time is not None:
            return
        base_sha = self._parts.collector.base_sha(self._job_id)

        def change(run: RunRecord) -> list[event_pb2.Event]:
            run.start_time = datetime.fromtimestamp(start.time_s, UTC)
            run.process_group = start.process_group
            run.base_sha = base_sha
            run.liveness = liveness.ACTIVE
            return move(run, "RUNNING") if run.state == "PREPARING" else []

        await self._held.write(change)
        if self._held.record.state == "CANCELLING":
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
        if self._held.record.liveness != found:
            await self._held.write(lambda run: seems(run, found))

    async def _conclude(self, status: JobStatus | None) -> None:
        """Collect what the job left, and write its end."""
        if status is None:
            return await self._settle(outcome.cancelled())
        failure = await self._failure_of(status)
        try:
            with telemetry.span("collect run"):
                collected = await self._parts.collector.collect(
                    self._held.record, self._job_id, succeeded=failure is None
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
            self._parts.jobs.agents.get(self._held.record.agent),
            self._parts.collector.last_words(self._job_id),
            self._parts.jobs.timeout_s(self._held.record),
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

        await self._held.write(change)


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
