"""The runs: start, look, cancel, report; and a driver for each that goes on.

Replicas share the store and the jobs' folders. Each run that goes on has a driver in one of
them, the holder of its lease; every other call is answered by any.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from adjutant.common.v1 import access_pb2
from services.agent_runner import outcome
from services.agent_runner.drive import Driver
from services.agent_runner.errors import PERSON
from services.agent_runner.run import (
    RUNS,
    STATES,
    UNFINISHED,
    Failure,
    Report,
    RunRecord,
    RunSpec,
    accepted,
    move,
    name_of_job,
    token_digest,
)
from services.agent_runner.words import word_of
from services.mesh import tasks, telemetry
from services.mesh.access.caller import actor
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.names import child, new_id
from services.mesh.secrets.user_info import refuse_user_info
from services.mesh.store import RequestKey, now

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2
    from services.agent_runner.held import Parts
    from services.mesh.access.rights import Rights
    from services.mesh.lease import Lease, Leases
    from services.mesh.store import Page

log = logging.getLogger(__name__)
MAX_FAULTS: Final = 5
"""How often a run that cannot be looked after is tried before it is ended."""
LEASE_RETRY_S: Final = 0.5
"""Seconds between two attempts to take a run's lease while the event log is away."""


class Runs:
    """The runs, and who looks after them."""

    def __init__(self, parts: Parts, leases: Leases, reconcile_s: float, rights: Rights) -> None:
        self._parts = parts
        self._leases = leases
        self._store = parts.store
        self._reconcile_s = reconcile_s
        self._rights = rights
        self._drivers: dict[str, Driver] = {}
        self._driving: dict[str, asyncio.Task[None]] = {}
        self._faults: Counter[str] = Counter()
        self._closing = False

    async def start(
        self, parent: str, run_id: str, request_id: str, spec: RunSpec, spec_digest: str
    ) -> RunRecord:
        """Accept a run and return at once; its process starts right after.

        UNKNOWN_AGENT, INVALID_REQUEST, ALREADY_EXISTS, REQUEST_ID_REUSED; PERMISSION_DENIED for
        a commit by who may not answer approvals.
        """
        self._check(parent, spec)
        name = child(parent, "runs", run_id or new_id())
        token = secrets.token_urlsafe(24)
        run = _new_run(name, spec, spec_digest, token)
        request = RequestKey(parent, request_id, f"{run_id} {spec_digest}")
        try:
            inserted = await self._store.insert(RUNS, run, events=accepted(run), request=request)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":
                raise
            first = await self._store.get(RUNS, name)
            if first.spec_digest != spec_digest:
                raise
            return first
        if inserted.created:
            self._look_after(inserted.record, token)
        return inserted.record

    async def get(self, name: str) -> RunRecord:
        """Return a run. NOT_FOUND."""
        return self._up_to_date(await self._store.get(RUNS, name))

    async def page(
        self, parent: str, filter_text: str, order_by: str, page_size: int, page_token: str
    ) -> Page[RunRecord]:
        """Return a page of a project's runs. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        page = await self._store.page(
            RUNS,
            parent=parent,
            filter_text=filter_text,
            order_by=order_by,
            page_size=page_size,
            page_token=page_token,
        )
        for run in page.records:
            self._up_to_date(run)
        return page

    async def cancel(self, name: str, *, allow_missing: bool = False) -> RunRecord:
        """Ask a run to end; one that has ended is returned as it is.

        NOT_FOUND, unless a missing one is to be recorded as CANCELLED before it could start.
        """
        if allow_missing and await self._store.find(RUNS, name) is None:
            await self._forestall(name)

        def change(run: RunRecord) -> list[event_pb2.Event] | None:
            if run.is_final or run.state == "CANCELLING":
                return None
            return move(run, "CANCELLING")

        run = await self._store.update(RUNS, name, change)
        if driver := self._drivers.get(name):
            driver.cancel()
        elif not run.is_final:  # another replica looks after it; its job's keeper is everybody's
            self._parts.backend.request_end(run.job_id, outcome.CANCELLED)
        return run

    async def _forestall(self, name: str) -> None:
        run = _new_run(name, RunSpec(agent=""), "", secrets.token_urlsafe(24))
        run.state, run.end_time = "CANCELLED", run.create_time
        message = "the run was cancelled before it started"
        run.failure = Failure(reason="RUN_CANCELLED", message=message, disposition=PERSON)
        try:
            await self._store.insert(RUNS, run)
        except AdjutantError as error:
            if error.reason != "ALREADY_EXISTS":  # else it was started just now
                raise

    async def end_below(self, parent: str) -> None:
        """End every run of a project that was removed. TimeoutError while one goes on."""
        busy = False
        async for run in self._store.scan(RUNS, {"state": UNFINISHED}):
            if run.name.startswith(f"{parent}/"):
                await self.cancel(run.name)
                busy = True
        if busy:
            raise TimeoutError(f"runs of {parent} are being ended")

    async def report(self, name: str, token: str, report: Report) -> bool:
        """Take what a run's job says of itself; True tells it that it is being ended.

        INVALID_REPORT_TOKEN, also where there is no such run: guessing tells nothing.
        INVALID_REQUEST for a cost in another currency than before, ILLEGAL_TRANSITION for one that
        comes after the job's end. A cost that is taken is on disk, and no kill loses it.
        """
        run = await self._store.find(RUNS, name)
        if run is None or not run.has_token(token):
            raise AdjutantError(
                "INVALID_REPORT_TOKEN",
                "This is not the run's report token; use ADJUTANT_REPORT_TOKEN of the job's"
                " environment.",
                field="report_token",
            )
        if report.cost:
            self._check_currency(run, report.cost.currency_code)
        taken = self._parts.backend.leave_word(run.job_id, word_of(report))
        if report.cost and not taken:
            message = "The run has ended; what is spent now is not counted. Report before the end."
            raise AdjutantError("ILLEGAL_TRANSITION", message, metadata={"state": run.state})
        return run.state in ("CANCELLING", "CANCELLED")

    def _check_currency(self, run: RunRecord, code: str) -> None:
        words = self._parts.backend.words(run.job_id)
        first = run.cost.currency_code if run.cost else words.currency(code)
        if code != first:
            message = f"The run's cost is in {first}; report all of it in that."
            raise AdjutantError("INVALID_REQUEST", message, field="cost.currency_code")

    async def reconcile_for_ever(self) -> None:
        """Look after every run that nobody looks after: at the start, and as a safety net."""
        while True:
            try:
                await self.clear_up()
                await self.reconcile()
            except StoreUnavailableError as error:
                log.warning("runs are looked after later: %s", error.message)
            await asyncio.sleep(self._reconcile_s)

    async def reconcile(self) -> None:
        """Look after every run that nobody looks after, here or in another replica."""
        self._parts.backend.forget_removed()
        async for run in self._store.scan(RUNS, {"state": UNFINISHED}):
            if run.name not in self._driving and not self._closing:
                self._look_after(run)

    async def close(self) -> None:
        """Leave the runs alone; their jobs go on, and the next service adopts them."""
        self._closing = True
        await tasks.end(self._driving.values())
        await self._parts.backend.close()

    def _check(self, parent: str, spec: RunSpec) -> None:
        for field in ("command_line", "verify_command"):
            if "\0" in getattr(spec, field):
                message = "A command line cannot hold a NUL character."
                raise AdjutantError("INVALID_REQUEST", message, f"spec.{field}")
        refuse_user_info(spec.workspace.repository_uri, "spec.workspace.repository_uri")
        agent = self._parts.jobs.agents.get(spec.agent)
        agent.check(spec)
        if agent.commits:
            # The orchestrator has asked; nobody gets around the approval by asking us.
            self._rights.require_of_others(access_pb2.PERMISSION_APPROVALS_DECIDE, parent)

    def _up_to_date(self, run: RunRecord) -> RunRecord:
        """Add what stands in no record until the run has ended."""
        if run.is_final:
            return run
        if driver := self._drivers.get(run.name):
            run.heartbeat_time = driver.heartbeat_time or run.heartbeat_time
        elif beat := self._parts.backend.status(run.job_id).heartbeat:
            run.heartbeat_time = datetime.fromtimestamp(beat.time_s, UTC)
        return run

    def _look_after(self, run: RunRecord, token: str = "") -> None:
        if run.name in self._driving:
            return  # the reconcile found it in the store before the call that made it went on
        work = self._hold(run, token)
        # A context of its own: the call that started the run, and its deadline, end before it.
        task = asyncio.create_task(work, name=run.name, context=contextvars.Context())
        self._driving[run.name] = task
        task.add_done_callback(self._left_alone)

    async def _hold(self, run: RunRecord, token: str) -> None:
        """Look after a run under its lease; return where another replica has it."""
        while True:
            try:
                async with self._leases.held(f"run.{run.job_id}") as lease:
                    if lease is not None:
                        await self._drive(run, token, lease)
                return
            except AdjutantError as error:
                if error.reason != "EVENT_LOG_UNAVAILABLE":
                    raise
            await asyncio.sleep(LEASE_RETRY_S)

    async def _drive(self, run: RunRecord, token: str, lease: Lease) -> None:
        log.info("%s is looked after here", run.name)
        driver = Driver(run, self._parts, lease.token, token)
        self._drivers[run.name] = driver
        hopeless = self._faults[run.name] >= MAX_FAULTS
        try:
            await (driver.abandon() if hopeless else driver.drive())
        except Exception as error:
            stale = isinstance(error, AdjutantError) and error.reason == "STALE_FENCE"
            if lease.valid and not stale:
                raise
            # Whoever has it now may even have removed what was being read here.
            log.warning("another replica looks after %s now: %s", run.name, error)
        finally:
            del self._drivers[run.name]

    def _left_alone(self, task: asyncio.Task[None]) -> None:
        name = task.get_name()
        del self._driving[name]
        if not task.cancelled() and (error := task.exception()):
            # The run stays as it is in the store, and the next reconcile goes on with it.
            if isinstance(error, StoreUnavailableError):  # which is no fault of the run
                log.warning("%s is looked after later: %s", name, error.message)
                return
            self._faults[name] += 1
            log.error("%s could not be looked after; it is tried again", name, exc_info=error)
        else:
            self._faults.pop(name, None)

    async def clear_up(self) -> None:
        """Remove what runs that have ended left on disk.

        A service that died left it, or a replica that was still preparing a workspace when
        another one had taken the run over and brought it to its end.
        """
        for job_id in self._parts.backend.jobs():
            name = name_of_job(job_id)
            if not name or name in self._driving:
                continue
            run = await self._store.find(RUNS, name)
            if run is not None and STATES.is_final(run.state):
                await self._parts.backend.remove(job_id)


def _new_run(name: str, spec: RunSpec, spec_digest: str, token: str) -> RunRecord:
    time = now()
    return RunRecord(
        name=name,
        create_time=time,
        update_time=time,
        state=STATES.initial,
        task=spec.task,
        agent=spec.agent,
        spec=spec,
        spec_digest=spec_digest,
        report_token_digest=token_digest(token),
        requester=actor(),
        headers=telemetry.inject(),
    )
