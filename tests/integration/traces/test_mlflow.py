"""Traces in MLflow: sent there at least once and never twice, and fetched from there.

The server is a stand-in that speaks MLflow's own protocol over HTTP, or, where
ADJUTANT_TEST_MLFLOW names one, a real one; the client is MLflow's own in both cases.
"""

import asyncio
import contextlib
import dataclasses
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest

from adjutant.common.v1 import error_reason_pb2
from adjutant.orchestrator.v1 import (
    chat_service_pb2,
    chat_service_pb2_grpc,
    trace_pb2,
    trace_service_pb2,
)
from services.mesh.errors import AdjutantError
from services.mesh.names import new_id
from services.mesh.store import Collection, Store, open_store_for
from services.orchestrator.adapters.mlflow import MlflowServer
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.traces.document import document
from services.orchestrator.traces.mlflow import Fetcher
from services.orchestrator.traces.trace import (
    TRACE_BODIES,
    TRACE_CALLS,
    TRACES,
    Whole,
    trace_name,
    whole,
)
from tests.doubles.mlflow import MlflowDouble
from tests.integration.traces.test_traces import call, calls, get, listed, refused
from tests.support.mesh import PROJECT, MeshInProcess, mesh_in_process
from tests.support.stores import on_both_stores
from tests.support.traces import model_call, recording, scope_of, tool_call

REAL: Final = os.environ.get("ADJUTANT_TEST_MLFLOW", "")


def settings_of(server: MlflowDouble, **more: Any) -> dict[str, Any]:
    """Return the settings of a mesh that uses a server; a real one may know other meshes too."""
    prefix = f"adjutant-{uuid.uuid4().hex[:8]}"
    return {"mlflow_tracking_uri": REAL or server.url, "mlflow_experiment_prefix": prefix, **more}


async def until(found: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await found():
            await asyncio.sleep(0.05)


async def until_exported(mesh: MeshInProcess, name: str) -> trace_pb2.Trace:
    async def is_there() -> bool:
        return (await get(mesh.caller.traces, name)).HasField("export_time")

    await until(is_there)
    return await get(mesh.caller.traces, name)


async def refresh(mesh: MeshInProcess, name: str) -> trace_pb2.Trace:
    request = trace_service_pb2.RefreshTraceRequest(name=name)
    return (await mesh.caller.traces.RefreshTrace(request)).trace  # type: ignore[no-any-return]


async def forget(mesh: MeshInProcess, name: str) -> None:
    """Remove a trace here, as its time being over does."""
    store = await open_store_for(OrchestratorSettings(data_dir=mesh.data_dir), COLLECTIONS)
    await store.purge(name)
    await store.delete(TRACES, name)
    await store.close()


@contextlib.asynccontextmanager
async def fetching(
    mesh: MeshInProcess, settings: dict[str, Any]
) -> AsyncIterator[tuple[Fetcher, Store]]:
    """Open what fetches traces, and its store, as one more replica would."""
    options = OrchestratorSettings(data_dir=mesh.data_dir, **settings)
    store = await open_store_for(options, COLLECTIONS)
    there = MlflowServer(options.mlflow_tracking_uri, options.mlflow_experiment_prefix, 9)
    try:
        yield Fetcher(store, there, options), store
    finally:
        await there.close()
        await store.close()


async def kept(mesh: MeshInProcess, name: str) -> Whole:
    """Return a trace as it is kept."""
    store = await open_store_for(OrchestratorSettings(data_dir=mesh.data_dir), COLLECTIONS)
    found = await whole(store, await store.get(TRACES, name))
    await store.close()
    return found


@on_both_stores
async def test_a_trace_is_sent_with_all_its_calls_and_again_when_more_come(
    tmp_path: Path, mesh_store: dict[str, Any], server: MlflowDouble
) -> None:
    settings = settings_of(server, **mesh_store)
    scope = scope_of(PROJECT, new_id())
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, **settings) as record,
    ):
        await record.model_call(scope, model_call())
        trace = await until_exported(mesh, trace_name(scope))
        await record.tool_call(scope, tool_call())
        await record.tool_call(scope, tool_call())

        there = MlflowServer(
            settings["mlflow_tracking_uri"], settings["mlflow_experiment_prefix"], 9
        )

        async def has_both() -> bool:
            found = await there.fetch(PROJECT, trace.mlflow_trace_id)
            return found is not None and len(found["data"]["spans"]) == 3

        await until(has_both)
        found = await there.fetch(PROJECT, trace.mlflow_trace_id)
        assert found is not None
        assert found["info"]["trace_metadata"]["mlflow.trace.user"] == "users/ada"
        names = sorted(span["name"] for span in found["data"]["spans"])
        assert names == ["ollama/llama3", "response", "search"]
        assert "hunter2" not in str(found)
        # Nobody finds it by another project's name.
        assert await there.fetch("clients/acme/projects/other", trace.mlflow_trace_id) is None


@pytest.mark.skipif(bool(REAL), reason="breaks the server")
async def test_a_server_that_is_away_holds_nothing_up_and_gets_it_all_later(
    tmp_path: Path, server: MlflowDouble
) -> None:
    settings = settings_of(server)
    scopes = [scope_of(PROJECT, response) for response in ("r1", "r2")]
    first, second = (trace_name(scope) for scope in scopes)
    server.broken = 503
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, **settings) as record,
    ):
        await record.model_call(scopes[0], model_call())
        assert (await call(mesh.caller.traces, "call-1", first)).model_call.answer.text == "I look."

        async def has_failed() -> bool:
            return (await get(mesh.caller.traces, first)).HasField("export_failure")

        await until(has_failed)
        trace = await get(mesh.caller.traces, first)
        unavailable = error_reason_pb2.ERROR_REASON_MLFLOW_UNAVAILABLE
        assert trace.export_failure.reason == unavailable
        assert not trace.HasField("export_time")
        # Nor does a trace that only MLflow could have look as if there were none.
        assert await refused(get(mesh.caller.traces, f"{PROJECT}/traces/x")) == "MLFLOW_UNAVAILABLE"
        await record.model_call(scopes[1], model_call())
    # Whoever comes next goes on: what is due stands in the records.
    server.broken, server.broken_path = 0, "/version"
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:

        async def has_failed_otherwise() -> bool:
            failure = (await get(mesh.caller.traces, first)).export_failure
            return "server version" in failure.message

        await until(has_failed_otherwise)
        server.broken_path = ""
        for name in (first, second):
            trace = await until_exported(mesh, name)
            assert not trace.HasField("export_failure")
    assert [len(spans) for spans in server.spans.values()] == [2, 2]
    assert len(server.experiments) == 1


async def test_what_only_mlflow_has_is_fetched_once_and_kept(
    tmp_path: Path, server: MlflowDouble
) -> None:
    settings = settings_of(server)
    scope = scope_of(PROJECT, new_id())
    name = trace_name(scope)
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, trace_call_max_bytes=1024, **settings) as record,
    ):
        traces = mesh.caller.traces
        await record.model_call(scope, model_call(text="ž" * 1000))
        await record.tool_call(scope, tool_call(failure="The cellar is locked."))
        await until_exported(mesh, name)
        before = [await call(traces, each, name) for each in ("call-1", "run-1")]
        await forget(mesh, name)
        assert await listed(traces) == []

        trace = await get(traces, name)
        assert trace.source == trace_pb2.TRACE_SOURCE_MLFLOW
        assert (trace.response, trace.principal) == (scope.response, "users/ada")
        assert (trace.model_call_count, trace.tool_call_count) == (1, 1)
        asked = len(server.requests)
        after = [await call(traces, each, name) for each in ("call-1", "run-1")]
        assert len(await listed(traces, scope.response)) == 1
        assert len(server.requests) == asked  # all of it is kept
        for one, other in zip(before, after, strict=True):
            assert other.source == trace_pb2.TRACE_SOURCE_MLFLOW
            other.source = one.source
            assert one == other
        assert after[0].model_call.answer.truncated
        assert after[0].model_call.answer.size_bytes == 2000
        assert await refused(get(traces, f"{PROJECT}/traces/{'0' * 32}")) == "NOT_FOUND"
        # Of another project the same trace is none.
        elsewhere = "clients/acme/projects/other"
        await mesh.caller.make_project(elsewhere)
        theirs = f"{elsewhere}/traces/{name.rpartition('/')[2]}"
        assert await refused(get(traces, theirs)) == "NOT_FOUND"


async def test_a_refresh_adds_what_others_put_into_the_trace(
    tmp_path: Path, server: MlflowDouble
) -> None:
    settings = settings_of(server)
    scope = scope_of(PROJECT, new_id())
    name = trace_name(scope)
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, **settings) as record,
    ):
        await record.model_call(scope, model_call())
        await until_exported(mesh, name)
        here = await kept(mesh, name)
        theirs = dataclasses.replace(
            here, calls=[here.calls[0].model_copy(update={"name": f"{name}/calls/theirs"})]
        )
        there = MlflowServer(
            settings["mlflow_tracking_uri"], settings["mlflow_experiment_prefix"], 9
        )
        await there.log(PROJECT, document(theirs))

        trace = await refresh(mesh, name)
        assert trace.source == trace_pb2.TRACE_SOURCE_RECORDED
        again = await refresh(mesh, name)
        assert (trace.model_call_count, again.model_call_count) == (2, 2)
        sources = {
            one.name.rpartition("/")[2]: one.source for one in await calls(mesh.caller.traces, name)
        }
        recorded, fetched = trace_pb2.TRACE_SOURCE_RECORDED, trace_pb2.TRACE_SOURCE_MLFLOW
        assert sources == {"call-1": recorded, "theirs": fetched}


async def test_what_mlflow_has_of_a_removed_session_is_not_fetched_again(
    tmp_path: Path, server: MlflowDouble
) -> None:
    settings = settings_of(server)
    scope = scope_of(PROJECT, new_id())
    name = trace_name(scope)
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, **settings) as record,
        fetching(mesh, settings) as (fetcher, store),
    ):
        traces = mesh.caller.traces
        await record.model_call(scope, model_call())
        await until_exported(mesh, name)
        await forget(mesh, name)
        assert (await get(traces, name)).source == trace_pb2.TRACE_SOURCE_MLFLOW
        under_way = await fetcher.fetch(name)
        chat: Any = chat_service_pb2_grpc.ChatServiceStub(mesh.caller.channel)
        await chat.DeleteSession(chat_service_pb2.DeleteSessionRequest(name=scope.session))

        # Also where it is removed while somebody fetches.
        for asking in (fetcher.keep(under_way), fetcher.keep(await fetcher.fetch(name))):
            with pytest.raises(AdjutantError) as gone:
                await asking
            assert gone.value.reason == "NOT_FOUND"
        assert await refused(get(traces, name)) == "NOT_FOUND"
        assert await refused(refresh(mesh, name)) == "NOT_FOUND"
        assert await refused(calls(traces, name)) == "NOT_FOUND"
        kept: tuple[Collection[Any], ...] = (TRACES, TRACE_CALLS, TRACE_BODIES)
        for collection in kept:
            assert (await store.page(collection, parent=None)).records == []


@pytest.mark.skipif(bool(REAL), reason="the stand-in's own token")
async def test_credentials_are_mlflows_own(
    tmp_path: Path, server: MlflowDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.token = "right"
    settings = settings_of(server)
    scope = scope_of(PROJECT, "r1")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "right")
    async with (
        mesh_in_process(tmp_path / "data", **settings) as mesh,
        recording(mesh.data_dir, **settings) as record,
    ):
        await record.model_call(scope, model_call())
        trace = await until_exported(mesh, trace_name(scope))
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "wrong")
        assert await refused(refresh(mesh, trace.name)) == "MLFLOW_UNAVAILABLE"
