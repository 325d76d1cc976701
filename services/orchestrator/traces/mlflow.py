"""Sends traces to MLflow, and fetches those that only MLflow has."""

from datetime import timedelta
from typing import Any, Final, Protocol

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError, not_found
from services.mesh.names import collection_and_id, parent_of
from services.mesh.store import Collection, Guard, Store, now
from services.mesh.store.port import R
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.failure import FailureRecord
from services.orchestrator.traces.document import document
from services.orchestrator.traces.reading import read
from services.orchestrator.traces.trace import (
    MLFLOW_PREFIX,
    TRACE_BODIES,
    TRACE_CALLS,
    TRACES,
    TraceCallRecord,
    TraceRecord,
    Whole,
    body,
    body_name,
    calls_of,
    excerpt,
    stand,
    whole,
)

_FIRST_RETRY_S: Final = 2.0
_MAX_RETRY_S: Final = 300.0


class Mlflow(Protocol):
    """A tracking server; `adapters.mlflow` is the one that there is."""

    async def log(self, project: str, document: dict[str, Any]) -> None:
        """Put a trace, in MLflow's form, into a project's experiment; again changes nothing."""

    async def fetch(self, project: str, trace_id: str) -> dict[str, Any] | None:
        """Return a trace in MLflow's form; None where the project's experiment has none."""


class Exporter:
    """Sees to traces whose export is due: at least once, and again until MLflow has taken it."""

    def __init__(self, store: Store, server: Mlflow) -> None:
        self._store = store
        self._server = server

    async def see_to(self, seen: TraceRecord) -> None:
        """Send a trace as it is, with all of its calls."""
        trace = await self._store.find(TRACES, seen.name)
        if trace is None or trace.export_due_time is None:
            return  # another replica was first
        failure = await self._send(trace)

        def change(record: TraceRecord) -> list[event_pb2.Event]:
            record.export_failure = failure
            if failure:
                record.export_attempts += 1
                record.export_due_time = now() + _back_off(record.export_attempts)
                return []
            record.export_attempts, record.export_time = 0, now()
            # Calls that came meanwhile may not have been sent.
            record.export_due_time = None if record.calls == trace.calls else now()
            return []

        await self._store.update(TRACES, trace.name, change)

    async def _send(self, trace: TraceRecord) -> FailureRecord | None:
        try:
            await self._server.log(trace.project, document(await whole(self._store, trace)))
        except AdjutantError as error:
            if error.reason != "MLFLOW_UNAVAILABLE":
                raise
            return FailureRecord(
                reason=error.reason, message=error.message, disposition="INFRASTRUCTURE"
            )
        return None


class Fetcher:
    """Keeps what MLflow has of a trace, for a while."""

    def __init__(self, store: Store, server: Mlflow, settings: OrchestratorSettings) -> None:
        self._store = store
        self._server = server
        self._ttl_s = settings.mlflow_cache_ttl_s
        self._max_bytes = settings.trace_call_max_bytes

    async def fetch(self, name: str) -> Whole:
        """Return what MLflow has of a trace. NOT_FOUND, MLFLOW_UNAVAILABLE."""
        trace_id = MLFLOW_PREFIX + collection_and_id(name)[1]
        found = await self._server.fetch(parent_of(name), trace_id)
        if found is None:
            raise not_found("trace", name)
        try:
            return read(name, found, ttl_s=self._ttl_s, max_bytes=self._max_bytes)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise AdjutantError(
                "MLFLOW_UNAVAILABLE",
                f"What MLflow has of {name} cannot be understood ({error}); look at it there.",
            ) from error

    async def keep(self, found: Whole) -> TraceRecord:
        """Keep what was fetched, beside what was recorded here, and return the trace.

        NOT_FOUND where its project or session is removed; then nothing of it is kept.
        """
        try:
            return await self._keep(found)
        except AdjutantError as error:
            if error.reason == "NOT_FOUND":
                # Whoever removes what is in the session may have looked while the trace was away.
                await self._store.purge(found.trace.name)
                await self._remove(TRACES, found.trace.name)
            raise

    async def _keep(self, found: Whole) -> TraceRecord:
        name = found.trace.name
        known = {call.name: call for call in await calls_of(self._store, [name])}
        trace = await self._keep_trace(found.trace)
        guard = stand(trace.project, trace.session)
        for call in found.calls:
            if call.name in known and not known[call.name].is_fetched:
                continue
            await self._replace(TRACE_BODIES, body(call), guard)
            await self._replace(TRACE_CALLS, excerpt(call), guard)
        still = {call.name for call in found.calls}
        for call in known.values():
            if call.is_fetched and call.name not in still:
                await self._forget(call)
        return trace

    async def _keep_trace(self, found: TraceRecord) -> TraceRecord:
        known = await self._store.find(TRACES, found.name)
        if known is not None and not known.is_fetched:
            return known
        await self._replace(TRACES, found, stand(found.project, found.session))
        return await self._store.find(TRACES, found.name) or found

    async def _forget(self, call: TraceCallRecord) -> None:
        await self._remove(TRACE_CALLS, call.name)
        await self._remove(TRACE_BODIES, body_name(call.name))

    async def _replace(self, collection: Collection[R], record: R, guard: Guard) -> None:
        await self._remove(collection, record.name)
        try:
            await self._store.insert(collection, record, guard=guard)
        except AdjutantError as error:  # somebody fetched the same just now
            if error.reason != "ALREADY_EXISTS":
                raise

    async def _remove(self, collection: Collection[R], name: str) -> None:
        try:
            await self._store.delete(collection, name)
        except AdjutantError as error:
            if error.reason != "NOT_FOUND":
                raise


def _back_off(attempts: int) -> timedelta:
    return timedelta(seconds=min(_FIRST_RETRY_S * 2 ** min(attempts - 1, 20), _MAX_RETRY_S))
