"""Messages and their responses over the wire, with the scripted model that needs no key."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from adjutant.common.v1 import response_pb2 as states
from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from adjutant.orchestrator.v1 import response_pb2
from services.orchestrator.responses import dispatcher
from tests.integration.chat.conftest import Chatter
from tests.integration.tenancy.conftest import House, eventually, refused
from tests.support.stores import on_both_stores

PATIENCE_S = 20.0
Frames = list[response_pb2.ResponseFrame]


async def send(who: Chatter, session: str, text: str, **fields: str) -> response_pb2.Response:
    request = pb.SendMessageRequest(parent=session, text=text, **fields)
    return (await who.chat.SendMessage(request)).response  # type: ignore[no-any-return]


async def stream(who: Chatter, name: str, **place: int) -> Frames:
    """Return all frames of a response, to its end."""
    request = pb.StreamResponseRequest(name=name)
    if place:
        request.place.CopyFrom(response_pb2.ResponsePlace(**place))
    async with asyncio.timeout(PATIENCE_S):
        return [answer.frame async for answer in who.chat.StreamResponse(request)]


def text_of(frames: Frames) -> str:
    return "".join(frame.delta.text for frame in frames)


@on_both_stores
async def test_a_message_is_answered_truly_and_the_next_one_too(ada: Chatter) -> None:
    session = (await ada.create()).name
    sent = await send(ada, session, "who are you?", request_id="r")
    assert sent.state == states.RESPONSE_STATE_QUEUED
    assert sent.user == "users/ada"
    frames = await stream(ada, sent.name)
    ended = frames[-1].ended
    assert ended.state == states.RESPONSE_STATE_COMPLETED
    assert "clients/acme/projects/web" in ended.text
    assert text_of(frames) == ended.text
    assert [frame.is_partial for frame in frames] == [True] * (len(frames) - 1) + [False]
    assert {frame.response for frame in frames} == {sent.name}
    assert ended.usage.output_tokens > 0
    asked = (await ada.chat.GetResponse(pb.GetResponseRequest(name=sent.name))).response
    assert asked == ended
    assert (await send(ada, session, "who are you?", request_id="r")).name == sent.name
    half = frames[-1].next.offset // 2
    assert text_of(await stream(ada, sent.name, attempt=1, offset=half)) == ended.text[half:]
    second = await send(ada, session, "which tasks are there?")
    await stream(ada, second.name)
    listed = (await ada.listed(session, order_by="create_time asc")).messages
    assert [message.response for message in listed] == [sent.name] * 2 + [second.name] * 2
    assert (listed[1].name, listed[1].text) == (ended.message, ended.text)
    page = await ada.chat.ListResponses(pb.ListResponsesRequest(parent=session, page_size=1))
    assert [one.name for one in page.responses] == [second.name]
    assert page.next_page_token


async def test_a_response_is_its_users(people: dict[str, Chatter]) -> None:
    ada = people["ada"]
    session = (await ada.create()).name
    sent = await send(ada, session, "hello")
    await stream(ada, sent.name)
    get = pb.GetResponseRequest(name=sent.name)
    reads: list[Any] = [
        lambda who: who.chat.GetResponse(get),
        lambda who: who.chat.ListResponses(pb.ListResponsesRequest(parent=session)),
        lambda who: stream(who, sent.name),
    ]
    writes: list[Any] = [
        lambda who: send(who, session, "in her name"),
        lambda who: who.chat.CancelResponse(pb.CancelResponseRequest(name=sent.name)),
    ]
    for call in reads + writes:
        assert (await refused(call(people["bob"])))[0] == "NOT_FOUND"
        assert (await refused(call(people["stranger"])))[0] == "PERMISSION_DENIED"
    for call in reads:
        await call(people["olga"])  # who manages the project
    for call in writes:
        assert (await refused(call(people["olga"])))[0] == "PERMISSION_DENIED"
        assert (await refused(call(people["vic"])))[0] == "PERMISSION_DENIED"


async def test_places_and_bodies_are_looked_at(ada: Chatter) -> None:
    session = (await ada.create()).name
    sent = await send(ada, session, "hello")
    await stream(ada, sent.name)
    for place in ({"attempt": 1, "offset": 10**6}, {"attempt": 7}, {"offset": 3}):
        assert (await refused(stream(ada, sent.name, **place)))[0] == "INVALID_PLACE"
    assert (await refused(stream(ada, sent.name, offset=-1)))[0] == "INVALID_REQUEST"
    assert (await refused(send(ada, session, "")))[0] == "INVALID_REQUEST"
    missing = f"{session}/responses/missing"
    assert (await refused(stream(ada, missing)))[0] == "NOT_FOUND"
    unknown = await stream(ada, (await send(ada, session, "hello", model="none/such")).name)
    assert unknown[-1].ended.state == states.RESPONSE_STATE_FAILED
    assert "none/such" in unknown[-1].ended.failure.message


@pytest.fixture
def slow(house: House, tmp_path: Path) -> House:
    """An orchestrator whose model takes its time: a token every 20 ms, for ever so long."""
    script, models = tmp_path / "script.yaml", tmp_path / "models.yaml"
    words = " ".join(f"word{number}" for number in range(2000))
    script.write_text(f'rules:\n  - text: "{words}"\n    delay_s: 0.02\n')
    models.write_text(f"providers:\n  - {{name: slow, kind: scripted, script: {script}}}\n")
    house.settings["models_file"] = models
    return house


async def test_a_slow_answer_is_stopped_and_goes_with_its_session(
    slow: House, people: dict[str, Chatter]
) -> None:
    await slow.stop()
    await slow.start()
    ada = people["ada"]
    session = (await ada.create()).name
    first, second = [await send(ada, session, text) for text in ("one", "two")]
    request = pb.StreamResponseRequest(name=first.name)
    async with asyncio.timeout(PATIENCE_S):
        async for answer in ada.chat.StreamResponse(request):
            if answer.frame.HasField("delta"):
                break
    waiting = (await ada.chat.GetResponse(pb.GetResponseRequest(name=second.name))).response
    assert waiting.queue_position == 1
    stopped = await ada.chat.CancelResponse(pb.CancelResponseRequest(name=first.name))
    assert stopped.response.cancel_requested
    frames = await stream(ada, first.name)
    assert frames[-1].ended.state == states.RESPONSE_STATE_CANCELLED
    assert 0 < len(frames[-1].ended.text) < 2000
    reading = asyncio.create_task(refused(stream(ada, second.name)))

    async def is_made() -> bool:
        got = await ada.chat.GetResponse(pb.GetResponseRequest(name=second.name))
        return bool(got.response.state == states.RESPONSE_STATE_STREAMING)

    await eventually(is_made)
    await ada.delete(session)
    assert (await reading)[0] == "NOT_FOUND"


async def test_the_model_is_asked_no_more_as_soon_as_the_session_is_removed(
    slow: House, people: dict[str, Chatter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LOOK_S", 60.0)  # so that it looks when it is told to alone
    await slow.stop()
    await slow.start()
    ada = people["ada"]
    session = (await ada.create()).name
    sent = await send(ada, session, "one")
    async with asyncio.timeout(PATIENCE_S):
        async for answer in ada.chat.StreamResponse(pb.StreamResponseRequest(name=sent.name)):
            if answer.frame.HasField("delta"):
                break

    async def is_made() -> bool:
        return any(task.get_name() == f"make {sent.name}" for task in asyncio.all_tasks())

    async def is_over() -> bool:
        return not await is_made()

    assert await is_made()
    await ada.delete(session)
    await eventually(is_over)
