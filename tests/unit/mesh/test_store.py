"""What every document store does: one suite for all adapters."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.store import RequestKey, Store
from tests.unit.mesh.conftest import NOTES, PARENT, Note, note, said, texts

REQUEST = RequestKey(PARENT, "request-1", "digest-1")


async def refused(call: object) -> AdjutantError:
    """Return the error that a call ends with."""
    assert asyncio.iscoroutine(call)
    with pytest.raises(AdjutantError) as caught:
        await call
    return caught.value


async def test_what_is_inserted_can_be_got(store: Store) -> None:
    inserted = await store.insert(NOTES, note("a", title="First"))
    assert inserted.created
    assert inserted.record.revision == 1
    assert await store.get(NOTES, inserted.record.name) == inserted.record
    assert await store.find(NOTES, inserted.record.name) == inserted.record


async def test_what_is_not_there_is_not_found(store: Store) -> None:
    name = f"{PARENT}/notes/absent"
    assert await store.find(NOTES, name) is None
    error = await refused(store.get(NOTES, name))
    assert error.reason == "NOT_FOUND"
    assert f"no note named {name}" in error.message


async def test_times_come_back_in_utc_to_the_microsecond(store: Store) -> None:
    time = datetime(2026, 3, 1, 1, 30, 0, 123456, tzinfo=UTC) + timedelta(hours=1)
    record = note("a").model_copy(update={"create_time": time})
    await store.insert(NOTES, record)
    found = await store.get(NOTES, record.name)
    assert found.create_time == time
    assert found.create_time.utcoffset() == timedelta(0)


async def test_the_same_request_makes_one_record_and_one_event(store: Store) -> None:
    first = await store.insert(NOTES, note("a"), events=[said("made")], request=REQUEST)
    second = await store.insert(NOTES, note("b"), events=[said("again")], request=REQUEST)
    assert (first.created, second.created) == (True, False)
    assert second.record == first.record
    assert await store.find(NOTES, note("b").name) is None
    assert texts(await store.outbox(10)) == ["made"]


async def test_a_repeat_is_answered_with_the_record_as_it_is_now(store: Store) -> None:
    await store.insert(NOTES, note("a"), request=REQUEST)
    await store.replace(NOTES, note("a", title="changed").model_copy(update={"revision": 1}))
    repeated = await store.insert(NOTES, note("b"), request=REQUEST)
    assert repeated.record.title == "changed"


async def test_the_same_request_id_with_another_body_is_an_error(store: Store) -> None:
    await store.insert(NOTES, note("a"), request=REQUEST)
    other = RequestKey(PARENT, "request-1", "digest-2")
    error = await refused(store.insert(NOTES, note("b"), request=other))
    assert (error.reason, error.field) == ("REQUEST_ID_REUSED", "request_id")


async def test_a_request_id_counts_in_its_project(store: Store) -> None:
    await store.insert(NOTES, note("a"), request=REQUEST)
    elsewhere = "clients/acme/projects/other"
    key = RequestKey(elsewhere, "request-1", "digest-2")
    assert (await store.insert(NOTES, note("a", parent=elsewhere), request=key)).created


async def test_without_a_request_id_every_call_is_a_new_one(store: Store) -> None:
    for note_id in ("a", "b"):
        key = RequestKey(PARENT, "", "digest-1")
        assert (await store.insert(NOTES, note(note_id), request=key)).created


async def test_a_name_is_given_once(store: Store) -> None:
    await store.insert(NOTES, note("a", title="first"), request=REQUEST)
    other = RequestKey(PARENT, "request-2", "digest-1")
    for key in (None, other):
        error = await refused(store.insert(NOTES, note("a"), events=[said("no")], request=key))
        assert error.reason == "ALREADY_EXISTS"
    assert (await store.get(NOTES, note("a").name)).title == "first"
    assert await store.outbox(10) == []


async def test_many_repeats_at_once_make_one_record(store: Store) -> None:
    calls = (store.insert(NOTES, note(f"n-{n}"), request=REQUEST) for n in range(20))
    answers = await asyncio.gather(*calls)
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.record.name for answer in answers}) == 1


async def test_a_record_is_replaced_at_the_revision_it_was_read_at(store: Store) -> None:
    first = (await store.insert(NOTES, note("a"))).record
    before = datetime.now(UTC)
    second = await store.replace(NOTES, first.model_copy(update={"title": "new"}))
    assert (second.revision, second.title) == (2, "new")
    assert second.update_time >= before
    assert second.etag != first.etag
    assert await store.get(NOTES, first.name) == second


async def test_whoever_read_before_the_change_is_refused(store: Store) -> None:
    first = (await store.insert(NOTES, note("a"))).record
    await store.replace(NOTES, first)
    error = await refused(store.replace(NOTES, first, events=[said("lost")]))
    assert error.reason == "CONCURRENT_CHANGE"
    assert error.retry_after_s
    assert await store.outbox(10) == []


async def test_an_update_reads_changes_and_writes(store: Store) -> None:
    first = (await store.insert(NOTES, note("a"))).record

    def change(record: Note) -> list[event_pb2.Event]:
        record.state = "DONE"
        return [said("done")]

    assert (await store.update(NOTES, first.name, change)).state == "DONE"
    assert (await store.get(NOTES, first.name)).revision == 2
    assert texts(await store.outbox(10)) == ["done"]


async def test_an_update_that_changes_nothing_writes_nothing(store: Store) -> None:
    first = (await store.insert(NOTES, note("a"))).record
    assert (await store.update(NOTES, first.name, lambda _: None)).revision == 1
    assert (await store.get(NOTES, first.name)) == first


async def test_an_update_that_raises_writes_nothing(store: Store) -> None:
    first = (await store.insert(NOTES, note("a"))).record

    def change(record: Note) -> None:
        record.state = "DONE"
        raise AdjutantError("ILLEGAL_TRANSITION", "No.")

    assert (await refused(store.update(NOTES, first.name, change))).reason == "ILLEGAL_TRANSITION"
    assert (await store.get(NOTES, first.name)) == first


async def test_an_update_of_what_is_not_there_is_not_found(store: Store) -> None:
    error = await refused(store.update(NOTES, note("absent").name, lambda _: []))
    assert error.reason == "NOT_FOUND"


async def test_no_update_is_lost_among_many_writers(store: Store) -> None:
    name = (await store.insert(NOTES, note("a"))).record.name

    def count(record: Note) -> list[event_pb2.Event]:
        record.count += 1
        return [said(str(record.count))]

    await asyncio.gather(*(store.update(NOTES, name, count) for _ in range(200)))
    assert (await store.get(NOTES, name)).count == 200
    assert texts(await store.outbox(500)) == [str(n) for n in range(1, 201)]


async def test_a_holder_of_an_earlier_lease_is_refused(store: Store) -> None:
    name = (await store.insert(NOTES, note("a"))).record.name
    await store.update(NOTES, name, lambda _: [], fence=7)
    error = await refused(store.update(NOTES, name, lambda _: [], fence=6))
    assert error.reason == "STALE_FENCE"
    assert (await store.update(NOTES, name, lambda _: [], fence=7)).fence == 7
    assert (await store.update(NOTES, name, lambda _: [], fence=8)).fence == 8
    assert (await store.update(NOTES, name, lambda _: [])).fence == 8


async def test_events_wait_in_the_order_of_their_commits(store: Store) -> None:
    record = (await store.insert(NOTES, note("a"), events=[said("1"), said("2")])).record
    record = await store.replace(NOTES, record, events=[said("3")])
    await store.replace(NOTES, record, events=[said("4"), said("5")])
    waiting = await store.outbox(10)
    assert texts(waiting) == ["1", "2", "3", "4", "5"]
    assert texts(await store.outbox(2)) == ["1", "2"]
    await store.clear_outbox([entry.position for entry in waiting[:2]])
    assert texts(await store.outbox(10)) == ["3", "4", "5"]


async def test_a_position_in_the_outbox_is_never_given_again(store: Store) -> None:
    await store.insert(NOTES, note("a"), events=[said("1")])
    (first,) = await store.outbox(10)
    await store.clear_outbox([first.position])
    await store.insert(NOTES, note("b"), events=[said("2")])
    (second,) = await store.outbox(10)
    assert second.position != first.position


async def test_whoever_publishes_is_woken_by_a_commit_with_events(store: Store) -> None:
    woken: list[bool] = []
    store.on_commit(lambda: woken.append(True))
    record = (await store.insert(NOTES, note("a"))).record
    assert woken == []
    await store.replace(NOTES, record, events=[said("1")])
    assert woken == [True]


async def test_a_cancelled_caller_does_not_leave_half_a_change(store: Store) -> None:
    for n in range(20):
        call = asyncio.create_task(store.insert(NOTES, note(f"n-{n}"), events=[said(str(n))]))
        await asyncio.sleep(0.0005 * (n % 4))
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await store.insert(NOTES, note("last"))
    made = [found.name async for found in store.scan(NOTES, {})]
    assert len(made) - 1 == len(await store.outbox(100))


async def test_what_is_deleted_is_gone_and_its_name_and_request_are_free(store: Store) -> None:
    name = (
        await store.insert(NOTES, note("a"), events=[said("made")], request=REQUEST)
    ).record.name
    await store.delete(NOTES, name, events=[said("gone")])
    assert await store.find(NOTES, name) is None
    assert [found async for found in store.scan(NOTES, {})] == []
    assert (await store.page(NOTES, parent=None)).records == []
    for call in (store.delete(NOTES, name), store.update(NOTES, name, lambda _: [])):
        assert (await refused(call)).reason == "NOT_FOUND"
    again = await store.insert(NOTES, note("a"), events=[said("made again")], request=REQUEST)
    assert (again.created, again.record.revision) == (True, 1)
    assert texts(await store.outbox(10)) == ["made", "gone", "made again"]
