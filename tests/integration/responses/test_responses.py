"""A response is made whoever listens, read by many, resumed at any place, and stopped for good."""

import asyncio
import contextlib
import random

import pytest
from nats.js.errors import NotFoundError

from services.mesh.errors import AdjutantError
from services.mesh.store import Store
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.responses import dispatcher
from services.orchestrator.responses.chunks import STREAM, subject_of
from services.orchestrator.responses.feed import Place
from services.orchestrator.responses.response import RESPONSES
from tests.integration.responses.conftest import Start
from tests.integration.responses.replicas import PATIENCE_S, Reader, Script, make_session

WORDS = [f"wörd{number} €𝄞 " for number in range(200)]


async def said(store: Store, session: str) -> list[tuple[str, str, str]]:
    """Return what stands in a session: author, text, what it answers."""
    page = await store.page(CHAT_MESSAGES, parent=session, order_by="create_time asc")
    return [(one.author, one.text, one.reply_to) for one in page.records]


async def test_it_is_made_although_nobody_listens_and_stands_in_the_session(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    replica = await start(Script(["one ", "two"]))
    response = await replica.send(session, "count")
    ended = await replica.until(response.name, "COMPLETED")
    reader = await replica.whole(response.name)
    assert reader.text == ended.text == "one two"
    assert reader.ended is not None
    assert reader.ended.usage.output_tokens == 2
    assert reader.ended.model == "scripted-1"
    assert reader.kinds == ["delta", "ended"]
    question, answer = await said(store, session)
    assert question == ("USER", "count", "")
    assert answer == ("ASSISTANT", "one two", reader.ended.question)
    assert reader.ended.message.startswith(f"{session}/messages/")


async def test_the_same_request_is_one_response_and_another_body_is_refused(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    replica = await start(Script(["yes"]))
    first = await replica.send(session, "hello", "r1")
    again = await replica.send(session, "hello", "r1")
    assert again.name == first.name
    await replica.until(first.name, "COMPLETED")
    assert (await replica.send(session, "hello", "r1")).name == first.name
    with pytest.raises(AdjutantError) as caught:
        await replica.send(session, "other", "r1")
    assert caught.value.reason == "REQUEST_ID_REUSED"
    await replica.whole(first.name)
    assert [author for author, *_ in await said(store, session)] == ["USER", "ASSISTANT"]


async def test_a_reader_that_leaves_a_hundred_times_gets_what_an_undisturbed_one_gets(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    makes, other = await start(Script(WORDS, 0.01)), await start(Script([]), running=False)
    response = await makes.send(session)
    undisturbed = asyncio.create_task(makes.whole(response.name))
    reader, chance = Reader(), random.Random(7)
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(100):
            replica = chance.choice([makes, other])
            left = chance.randrange(3)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.0, 0.03)):
                    async for frame in replica.frames(response.name, reader.place):
                        reader.take(frame)
                        left -= 1
                        if left < 0:
                            break
    rest = await other.whole(response.name, reader.place)
    text = reader.text if reader.ended else reader.text + rest.text
    assert text == (await undisturbed).text == makes.script.text
    assert reader.resets == 0


async def test_readers_on_both_replicas_get_it_while_it_is_made(store: Store, start: Start) -> None:
    session = await make_session(store)
    script = Script(["one ", "two ", "three"])
    gate = script.hold(2)
    makes, other = await start(script), await start(Script([]), running=False)
    response = await makes.send(session)
    readers = []
    for replica in (makes, other, makes, other):
        reader = Reader()
        readers.append(reader)
        async with asyncio.timeout(PATIENCE_S):
            async for frame in replica.frames(response.name):
                reader.take(frame)
                if reader.text == "one two ":
                    break
    assert not (await store.get(RESPONSES, response.name)).is_final
    gate.set()
    for reader in readers:
        rest = await other.whole(response.name, reader.place)
        assert reader.text + rest.text == script.text


async def test_a_reader_of_another_replica_hears_of_the_end_although_nobody_tells_of_it(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await make_session(store)
    script = Script(["one ", "two"])
    gate = script.hold(1)
    makes, other = await start(script), await start(Script([]), running=False)

    async def nothing(_: str) -> None:
        return

    monkeypatch.setattr(makes.chunks, "tell", nothing)
    response = await makes.send(session)
    reading = asyncio.create_task(other.whole(response.name))
    await makes.until(response.name, "STREAMING")
    gate.set()
    assert (await reading).text == "one two"


async def test_cancelled_is_written_when_the_answer_has_stopped(store: Store, start: Start) -> None:
    session = await make_session(store)
    script = Script(WORDS, 0.01)
    script.stopping_takes_s = 0.3
    makes, other = await start(script), await start(Script([]), running=False)
    response = await makes.send(session)
    reader = Reader()
    async with asyncio.timeout(PATIENCE_S):
        async for frame in other.frames(response.name):
            reader.take(frame)
            if "delta" in reader.kinds:
                asked = await other.responses.cancel(response.name)
                assert asked.cancel_requested
                assert asked.state == "STREAMING"
                break
    ended = await makes.until(response.name, "CANCELLED")
    assert script.running == 0
    rest = await other.whole(response.name, reader.place)
    assert reader.text + rest.text == ended.text
    assert 0 < len(ended.text) < len(script.text)
    assert script.text.startswith(ended.text)
    assert (await said(store, session))[1][1] == ended.text
    assert (await other.responses.cancel(response.name)).state == "CANCELLED"


async def test_one_that_waits_is_cancelled_at_once_and_never_begun(
    store: Store, start: Start
) -> None:
    session = await make_session(store)
    script = Script(["one"])
    gate = script.hold(0)
    replica = await start(script)
    first = await replica.send(session, "first")
    await replica.until(first.name, "STREAMING")
    second = await replica.send(session, "second")
    assert (await replica.responses.cancel(second.name)).state == "CANCELLED"
    gate.set()
    await replica.until(first.name, "COMPLETED")
    reader = await replica.whole(second.name)
    assert reader.ended is not None
    assert (reader.text, reader.ended.attempt, reader.ended.message) == ("", 0, "")
    assert script.calls == ["first"]


async def test_why_it_failed_is_said_and_what_there_was_is_kept(store: Store, start: Start) -> None:
    session = await make_session(store)
    script = Script(["half of "])
    script.failure = AdjutantError("UNKNOWN_AGENT", "No agent is called so; name another.")
    replica = await start(script)
    response = await replica.send(session)
    reader = await replica.whole(response.name)
    assert reader.ended is not None
    assert reader.text == reader.ended.text == "half of "
    record = await replica.until(response.name, "FAILED")
    assert record.failure is not None
    assert (record.failure.reason, record.failure.message) == (
        "UNKNOWN_AGENT",
        "No agent is called so; name another.",
    )


async def test_a_fault_of_ours_is_told_without_its_text(store: Store, start: Start) -> None:
    session = await make_session(store)
    script = Script(["x"])
    script.failure = ValueError("the password is 42")
    replica = await start(script)
    record = await replica.until((await replica.send(session)).name, "FAILED")
    assert record.failure is not None
    assert record.failure.reason == "INTERNAL"
    assert "42" not in record.failure.message


async def test_one_that_grows_too_long_ends_and_keeps_what_fits(store: Store, start: Start) -> None:
    session = await make_session(store)
    replica = await start(Script(["12345"] * 5), text_bytes=12)
    record = await replica.until((await replica.send(session)).name, "FAILED")
    assert record.failure is not None
    assert (record.failure.reason, record.text) == ("RESPONSE_TOO_LONG", "1234512345")


async def test_places_that_nobody_was_given_are_refused(store: Store, start: Start) -> None:
    session = await make_session(store)
    replica = await start(Script(["a€b"]))
    response = await replica.send(session)
    await replica.whole(response.name)
    for place in (Place(1, 2), Place(1, 6), Place(2, 0), Place(0, 1)):
        with pytest.raises(AdjutantError) as caught:
            await replica.whole(response.name, place)
        assert caught.value.reason == "INVALID_PLACE"
    assert (await replica.whole(response.name, Place(1, 4))).text == "b"
    assert (await replica.whole(response.name, Place(1, 5))).text == ""


async def test_it_expires_and_what_was_said_stays(store: Store, start: Start) -> None:
    session = await make_session(store)
    replica = await start(Script(["yes"]), ttl_s=0.0)
    response = await replica.send(session)
    await replica.whole(response.name)
    ended = await replica.until(response.name, "COMPLETED")
    assert ended.expire_time is not None
    (due,) = await store.due(RESPONSES, "due_time", ended.expire_time, 10)
    await replica.settling.see_to(due)
    with pytest.raises(AdjutantError) as caught:
        await replica.whole(response.name)
    assert caught.value.reason == "NOT_FOUND"
    assert len(await said(store, session)) == 2


async def test_nothing_is_kept_that_is_published_after_its_session_was_removed(
    store: Store, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_S", 60.0)  # it does not hear of the removal before
    session = await make_session(store)
    script = Script(["one ", "two"])
    gate = script.hold(1)
    replica = await start(script)
    response = await replica.send(session)
    async with asyncio.timeout(PATIENCE_S):
        while await replica.chunks.recall(response.name) != "one ":
            await asyncio.sleep(0.02)
    await store.delete(SESSIONS, session)
    await store.purge(session)
    await replica.chunks.remove(session)
    gate.set()
    async with asyncio.timeout(PATIENCE_S):
        while script.running or replica.feeds._closing:
            await asyncio.sleep(0.02)
    with pytest.raises(NotFoundError):
        await replica.log.jetstream.get_last_msg(STREAM, subject_of(response.name))


@pytest.mark.parametrize("depth", [2, 4, 6, 8])
async def test_what_is_kept_between_replicas_goes_with_what_it_is_of(
    store: Store, start: Start, depth: int
) -> None:
    session = await make_session(store)
    script = Script(["one "])
    replica = await start(script)
    response = await replica.send(session)
    await replica.until(response.name, "COMPLETED")
    async with asyncio.timeout(PATIENCE_S):
        while not await replica.chunks.recall(response.name):  # it is on its way still
            await asyncio.sleep(0.02)
    await replica.chunks.remove(f"{session.rpartition('/projects/')[0]}/groups/web")
    assert await replica.chunks.recall(response.name) == "one "
    await replica.chunks.remove("/".join(response.name.split("/")[:depth]))
    assert await replica.chunks.recall(response.name) == ""
