"""Whoever makes a response may be gone, or paused, at any moment: another goes on."""

import asyncio
from typing import Any

import pytest

from services.mesh.store import Store, now
from services.orchestrator.responses import response as responses
from services.orchestrator.responses.response import RESPONSES, ResponseRecord
from tests.integration.responses.conftest import Start
from tests.integration.responses.replicas import (
    PATIENCE_S,
    Reader,
    Replica,
    Script,
    make_session,
)


async def _read_until(replica: Replica, name: str, text: str) -> Reader:
    """Return a reader that has got a text by now."""
    reader = Reader()
    async with asyncio.timeout(PATIENCE_S):
        async for frame in replica.frames(name):
            reader.take(frame)
            if reader.text == text:
                break
    return reader


async def test_one_whose_lease_lapsed_stops_and_another_attempt_is_the_answer(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await make_session(store)
    first, second = Script(["old ", "text"]), Script(["new ", "words"])
    first.hold(1)  # and never let go on
    paused, other = await start(first, lease_s=1.0), await start(second, lease_s=1.0)

    monkeypatch.setattr(paused.dispatcher._leases, "_renew", _not_renewed)
    monkeypatch.setattr(other.dispatcher, "_at_once", 0)
    response = await paused.send(session)
    reader = await _read_until(paused, response.name, "old ")
    monkeypatch.setattr(other.dispatcher, "_at_once", 8)
    ended = await other.until(response.name, "COMPLETED")
    assert ended.text == "new words"
    assert ended.attempt > 1
    async with asyncio.timeout(PATIENCE_S):
        while first.running:  # the call of who lost the lease is stopped too
            await asyncio.sleep(0.01)
    async with asyncio.timeout(PATIENCE_S):
        async for frame in paused.frames(response.name, reader.place):
            reader.take(frame)
    assert reader.text == "new words"
    assert reader.resets > 0
    assert (await store.get(RESPONSES, response.name)).text == "new words"


async def _not_renewed(_: Any, over: asyncio.Event) -> None:
    await over.wait()


async def test_a_late_writer_is_refused(store: Store, start: Start) -> None:
    session = await make_session(store)
    script = Script(["one"])
    gate = script.hold(0)
    replica = await start(script)
    response = await replica.send(session)
    await replica.until(response.name, "STREAMING")
    # Another holder, with a later token, takes it over.
    record = await store.get(RESPONSES, response.name)
    await store.update(RESPONSES, record.name, responses.begin, fence=record.fence + 1)
    gate.set()
    async with asyncio.timeout(PATIENCE_S):
        while script.running:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    record = await store.get(RESPONSES, response.name)
    assert (record.state, record.attempt, record.text) == ("STREAMING", 2, "")


async def test_a_stop_of_the_service_stops_the_answer_and_the_next_start_makes_it_anew(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    script = Script(["one ", "two"])
    gate = script.hold(1)
    stopped = await start(script)
    response = await stopped.send(session)
    reader = await _read_until(stopped, response.name, "one ")
    await stopped.stop()
    assert script.running == 0
    gate.set()
    started = await start(script)
    async with asyncio.timeout(PATIENCE_S):
        async for frame in started.frames(response.name, reader.place):
            reader.take(frame)
    assert (reader.text, reader.resets) == ("one two", 1)
    assert script.calls == ["hello", "hello"]


async def test_one_that_is_lost_each_time_fails_and_keeps_what_was_given(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    script = Script(["half ", "whole"])
    script.hold(1)
    lost = await start(script, attempts=1)
    response = await lost.send(session)
    other = await start(Script([]), running=False)
    reader = await _read_until(other, response.name, "half ")  # so it is published
    await lost.stop()
    last = await start(Script(["never"]), attempts=1)
    ended = await last.until(response.name, "FAILED")
    assert ended.failure is not None
    assert (ended.failure.reason, ended.text, ended.attempt) == ("RESPONSE_LOST", "half ", 2)
    async with asyncio.timeout(PATIENCE_S):
        async for frame in other.frames(response.name, reader.place):
            reader.take(frame)
    assert (reader.text, reader.resets) == ("half ", 1)
    assert last.script.calls == []


async def test_one_that_is_cancelled_while_nobody_makes_it_ends_without_another_try(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    script = Script(["half ", "whole"])
    script.hold(1)
    gone = await start(script)
    response = await gone.send(session)
    await _read_until(gone, response.name, "half ")
    await gone.stop()
    later = await start(Script(["never"]), running=False)
    assert (await later.responses.cancel(response.name)).state == "STREAMING"
    later.start()
    assert (await later.until(response.name, "CANCELLED")).attempt == 2
    assert later.script.calls == []


async def test_what_a_crash_left_between_answer_and_session_is_made_good(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    replica = await start(Script(["second"]), running=False)
    first = await replica.send(session, "first")
    second = await replica.send(session, "second")

    def end(record: ResponseRecord) -> responses.Events:
        record.state, record.text, record.attempt = "COMPLETED", "answer", 1
        record.end_time = record.due_time = now()
        return []

    await store.update(RESPONSES, first.name, end)  # and whoever did is killed right after
    replica.start()
    await replica.until(second.name, "COMPLETED")
    reader = await replica.whole(first.name)
    assert reader.text == "answer"
    assert reader.ended is not None
    assert reader.ended.message == f"{session}/messages/3"  # before the second's own answer
