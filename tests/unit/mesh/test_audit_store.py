"""An audit entry is committed with the change that it tells of, or by itself."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from adjutant.common.v1 import access_pb2
from services.mesh.access.caller import Call, begin
from services.mesh.audit import Caller, Recorder
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal
from services.mesh.store import RequestKey, Store
from tests.unit.mesh.conftest import NOTES, Note, note, said

ADA = Principal("users/ada", Kind.USER, "https://issuer.example")
METHOD = "adjutant.orchestrator.v1.TaskService/CancelTask"


@pytest.fixture
def call(store: Store) -> Iterator[Call]:
    """A call under way that is to be written down."""
    entry = Recorder(store, "small").entry(
        access_pb2.AUDIT_KIND_DELETION, Caller(ADA), METHOD, "clients/acme/projects/web/notes/n"
    )
    made = Call(ADA, METHOD, "clients/acme/projects/web", audit=[entry])
    begin(made)
    yield made
    made.answered = True


async def kinds(store: Store) -> list[str]:
    """What waits to be published, in order."""
    return [entry.event.WhichOneof("payload") or "" for entry in await store.outbox(100)]


async def test_events_are_committed_alone(store: Store) -> None:
    woken = asyncio.Event()
    store.on_commit(woken.set)
    await store.append([said("one"), said("two")])
    entries = await store.outbox(10)
    assert [entry.event.run_progress.message for entry in entries] == ["one", "two"]
    assert woken.is_set()


async def test_the_first_write_takes_the_entry_and_no_other_does(store: Store, call: Call) -> None:
    await store.insert(NOTES, note("a"), events=[said("one")])
    await store.insert(NOTES, note("b"), events=[said("two")])
    await Recorder(store, "small").finish(call)
    assert await kinds(store) == ["run_progress", "audit_recorded", "run_progress"]


@pytest.mark.parametrize("way", ["replace", "update"])
async def test_each_kind_of_write_takes_it(store: Store, call: Call, way: str) -> None:
    waiting, call.audit = call.audit, []
    made = (await store.insert(NOTES, note("a"))).record
    call.audit = waiting
    if way == "replace":
        await store.replace(NOTES, made)
    else:
        await store.update(NOTES, made.name, lambda _: ())
    assert await kinds(store) == ["audit_recorded"]
    assert call.audit == []


async def test_what_writes_nothing_leaves_it_for_the_end_of_the_call(
    store: Store, call: Call
) -> None:
    waiting, call.audit = call.audit, []
    request = RequestKey("clients/acme/projects/web", "r-1", "digest")
    await store.insert(NOTES, note("a"), request=request)
    call.audit = waiting
    repeat = await store.insert(NOTES, note("other"), request=request)
    assert not repeat.created

    def unchanged(_: Note) -> None:
        return None

    await store.update(NOTES, repeat.record.name, unchanged)
    assert await kinds(store) == []
    await Recorder(store, "small").finish(call)
    assert await kinds(store) == ["audit_recorded"]


async def test_a_write_that_fails_gives_it_back(store: Store, call: Call) -> None:
    waiting, call.audit = call.audit, []
    made = (await store.insert(NOTES, note("a"))).record
    await store.replace(NOTES, made)
    call.audit = waiting
    with pytest.raises(AdjutantError, match="CONCURRENT_CHANGE"):
        await store.replace(NOTES, made)
    assert await kinds(store) == []
    await store.update(NOTES, made.name, lambda _: ())
    assert await kinds(store) == ["audit_recorded"]


async def test_two_writes_at_once_commit_it_once(store: Store, call: Call) -> None:
    await asyncio.gather(*(store.insert(NOTES, note(f"n-{number}")) for number in range(5)))
    assert await kinds(store) == ["audit_recorded"]


async def test_a_caller_who_leaves_meanwhile_does_not_take_it_away(
    store: Store, call: Call
) -> None:
    writing = asyncio.create_task(store.insert(NOTES, note("a")))
    await asyncio.sleep(0)
    writing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await writing
    await Recorder(store, "small").finish(call)
    ids = {entry.event.event_id for entry in await store.outbox(10)}
    assert len(ids) == 1, "the log keeps one of those with the same id"
