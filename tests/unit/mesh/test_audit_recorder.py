"""Denials and authentications: the first at once, the rest as one, and never too many."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from adjutant.common.v1 import access_pb2, error_reason_pb2
from adjutant.event.v1 import access_events_pb2, event_pb2
from services.mesh import telemetry
from services.mesh.audit import Caller, Recorder, sorts
from services.mesh.identity import Kind, Principal
from services.mesh.store import Store
from tests.integration.mesh.harness import PATIENCE_S, running

ADA = Principal("users/ada", Kind.USER, "https://issuer.example")
KEY = Principal("clients/acme/apiKeys/k-1", Kind.API_KEY, "clients/acme/apiKeys/k-1")
METHOD = "adjutant.orchestrator.v1.TaskService/GetTask"
WEB = "clients/acme/projects/web"
TASK = f"{WEB}/tasks/t-1"
STRANGER = Caller(peer="ipv4:10.0.0.7:4711")


async def written(store: Store) -> list[event_pb2.Event]:
    return [entry.event for entry in await store.outbox(10_000)]


async def closed(recorder: Recorder, store: Store) -> list[access_events_pb2.AuditRecorded]:
    """Close a recorder and return what it wrote."""
    await recorder.close()
    return [event.audit_recorded for event in await written(store)]


@contextlib.asynccontextmanager
async def recording(store: Store, **values: Any) -> AsyncIterator[Recorder]:
    recorder = Recorder(store, "small", **values)
    async with running(recorder.run()):
        yield recorder


async def until(store: Store, count: int) -> list[event_pb2.Event]:
    async with asyncio.timeout(PATIENCE_S):
        while len(found := await written(store)) < count:
            await asyncio.sleep(0.01)
    return found


async def test_the_first_denial_is_written_at_once(store: Store) -> None:
    async with recording(store) as recorder:
        with telemetry.span("a call"):
            recorder.denied("PERMISSION_DENIED", Caller(ADA, "ipv4:10.0.0.7:1"), METHOD, TASK)
            trace = telemetry.trace_id()
        (event,) = await until(store, 1)
    entry = event.audit_recorded
    assert event.resource == TASK
    assert entry.kind == access_pb2.AUDIT_KIND_DENIAL
    assert entry.principal == "users/ada"
    assert entry.credential == "https://issuer.example"
    assert (entry.method, entry.service, entry.count) == (METHOD, "small", 1)
    assert entry.denial == error_reason_pb2.ERROR_REASON_PERMISSION_DENIED
    assert entry.peer == "ipv4:10.0.0.7:1"
    assert entry.first_time == event.time
    assert entry.trace == trace


async def test_those_like_it_are_one_entry_at_the_end_of_the_window(store: Store) -> None:
    async with recording(store, window_s=0.2) as recorder:
        for number in range(50):
            recorder.denied("PERMISSION_DENIED", Caller(ADA), METHOD, f"{WEB}/tasks/t-{number}")
        events = await until(store, 2)
        recorder.denied("PERMISSION_DENIED", Caller(ADA), METHOD, TASK)
        events = await until(store, 3)
    assert [event.audit_recorded.count for event in events] == [1, 49, 1]
    assert events[1].audit_recorded.first_time.ToNanoseconds() >= events[0].time.ToNanoseconds()
    assert len({event.event_id for event in events}) == 3


async def test_what_is_not_alike_stands_alone(store: Store) -> None:
    recorder = Recorder(store, "small")
    for caller in (Caller(ADA), Caller(KEY), STRANGER):
        for reason in ("PERMISSION_DENIED", "INVALID_CREDENTIAL"):
            for method in (METHOD, "another/Method"):
                for project in (WEB, "clients/acme/projects/other"):
                    recorder.denied(reason, caller, method, project)
    assert len(await closed(recorder, store)) == 3 * 2 * 2 * 2


async def test_a_new_connection_is_no_new_stranger(store: Store) -> None:
    recorder = Recorder(store, "small")
    for port in range(20):
        recorder.denied("UNAUTHENTICATED", Caller(peer=f"ipv4:10.0.0.7:{port}"), METHOD, TASK)
        recorder.denied("UNAUTHENTICATED", Caller(peer=f"ipv6:[::1]:{port}"), METHOD, TASK)
    assert [entry.count for entry in await closed(recorder, store)] == [1, 1, 19, 19]


async def test_authentications_are_told_by_who_and_from_where_and_not_by_method(
    store: Store,
) -> None:
    recorder = Recorder(store, "small")
    for number in range(100):
        recorder.authenticated(Caller(KEY, f"ipv4:10.0.0.7:{number}"), f"a/Method{number}")
    recorder.authenticated(Caller(KEY, "ipv4:10.0.0.8:1"), METHOD)
    entries = await closed(recorder, store)
    assert [entry.count for entry in entries] == [1, 1, 99]
    assert {entry.kind for entry in entries} == {access_pb2.AUDIT_KIND_AUTHENTICATION}
    assert [entry.peer for entry in entries[:2]] == ["ipv4:10.0.0.7:0", "ipv4:10.0.0.8:1"]
    assert {entry.principal for entry in entries} == {KEY.name}


async def test_one_caller_fills_no_more_than_a_part_of_the_table(store: Store) -> None:
    recorder = Recorder(store, "small")
    for number in range(500):
        recorder.denied("PERMISSION_DENIED", Caller(ADA), f"a/Method{number}", TASK)
    recorder.denied("PERMISSION_DENIED", Caller(KEY), METHOD, TASK)
    entries = await closed(recorder, store)
    assert len(entries) == sorts.MAX_SORTS_OF_ONE + 1 + 1 + 1
    assert sum(entry.count for entry in entries) == 501
    (rest,) = [entry for entry in entries if entry.count > 1]
    assert (rest.principal, rest.method) == ("users/ada", "")
    assert [entry.method for entry in entries if entry.principal == KEY.name] == [METHOD]


async def test_many_strangers_are_one_entry_that_names_none_of_them(store: Store) -> None:
    recorder = Recorder(store, "small", max_sorts=10)
    for number in range(1000):
        caller = Caller(peer=f"ipv4:10.0.{number // 250}.{number % 250}:1")
        recorder.denied("UNAUTHENTICATED", caller, METHOD, TASK)
    recorder.denied("PERMISSION_DENIED", Caller(ADA), METHOD, TASK)
    recorder.authenticated(Caller(ADA), METHOD)
    entries = await closed(recorder, store)
    assert sum(entry.count for entry in entries) == 1002
    folded = [entry for entry in entries if not entry.principal and not entry.peer]
    assert sorted(entry.count for entry in folded) == [1, 989]
    assert [entry.principal for entry in entries].count("users/ada") == 2, (
        "they are not crowded out"
    )


@pytest.mark.parametrize(
    "named",
    ["eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl", "adj_k1_s3cret", "clients/a b", "clients/" + "x" * 5000],
)
async def test_what_is_no_name_is_not_written_down(store: Store, named: str) -> None:
    recorder = Recorder(store, "small")
    recorder.denied("UNAUTHENTICATED", Caller(peer="unix:", platform="a\nb" * 99), METHOD, named)
    await recorder.close()
    (event,) = await written(store)
    assert event.resource == ""
    assert event.audit_recorded.platform == ""
    assert event.ByteSize() < 400


async def test_what_the_store_refuses_waits_and_comes_later(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("services.mesh.audit.recorder.RETRY_S", 0.01)
    works = store.append
    tried = asyncio.Event()

    async def refuse(_: Any) -> None:
        tried.set()
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "append", refuse)
    async with recording(store) as recorder:
        recorder.denied("UNAUTHENTICATED", STRANGER, METHOD, TASK)
        await asyncio.wait_for(tried.wait(), PATIENCE_S)
        monkeypatch.setattr(store, "append", works)
        assert len(await until(store, 1)) == 1
    assert "audit entries wait" in caplog.text
