"""What is said in sessions: in one order, once, found again, and taken out whole."""

import asyncio
import json
from typing import Any

import pytest

from adjutant.orchestrator.v1 import chat_message_pb2, chat_service_pb2
from services.mesh.errors import AdjutantError
from services.orchestrator.chat.export import CHUNK
from tests.integration.chat.conftest import Chatter
from tests.integration.tenancy.conftest import House, eventually, refused
from tests.support.chat import Speaker, speaker
from tests.support.stores import on_both_stores


async def all_of(who: Chatter, session: str, order_by: str, page_size: int = 3) -> list[int]:
    """Return the numbers on all pages of a session's messages."""
    numbers: list[int] = []
    token = ""
    while True:
        query = {"order_by": order_by, "page_size": page_size, "page_token": token}
        page = await who.listed(session, **query)
        assert len(page.messages) <= page_size
        numbers += [message.number for message in page.messages]
        if not (token := page.next_page_token):
            return numbers


@on_both_stores
async def test_what_is_said_at_once_has_one_order_for_ever(
    house: House, ada: Chatter, said: Speaker
) -> None:
    session = await ada.create()
    async with speaker(house.folder, **house.settings) as other:
        asked = await asyncio.gather(
            *(one.ask(session.name, f"{n}") for n in range(8) for one in (said, other))
        )
    assert sorted(record.number for record in asked) == list(range(1, 17))
    page = await ada.listed(session.name, order_by="create_time asc")
    times = [message.create_time.ToNanoseconds() for message in page.messages]
    assert times == sorted(set(times))
    assert [message.number for message in page.messages] == list(range(1, 17))
    found = await ada.get(session.name)
    assert found.message_count == 16
    assert found.last_message_time.ToNanoseconds() == times[-1]


async def test_pages_lead_in_both_directions_from_anywhere(ada: Chatter, said: Speaker) -> None:
    session = await ada.create()
    for n in range(10):
        await said.ask(session.name, f"{n}")
    assert await all_of(ada, session.name, "create_time asc") == list(range(1, 11))
    assert await all_of(ada, session.name, "") == list(range(10, 0, -1))
    name = f"{session.name}/messages/4"
    middle = (await ada.chat.GetMessage(chat_service_pb2.GetMessageRequest(name=name))).message
    at = middle.create_time.ToJsonString()
    after = await ada.listed(
        session.name, filter=f'create_time > "{at}"', order_by="create_time asc", page_size=2
    )
    before = await ada.listed(session.name, filter=f'create_time < "{at}"', page_size=2)
    assert [message.number for message in after.messages] == [5, 6]
    assert [message.number for message in before.messages] == [3, 2]


@on_both_stores
async def test_a_question_and_its_answer_are_stored_once(ada: Chatter, said: Speaker) -> None:
    session = await ada.create()
    question = await said.ask(session.name, "What is it?", "q")
    response = f"{session.name}/responses/r"
    answer = await said.answer(question, "This.", response)
    later = await said.ask(session.name, "And that?", "another")
    assert await said.ask(session.name, "What is it?", "q") == question
    assert await said.answer(question, "This, said again.", response) == answer
    with pytest.raises(AdjutantError, match="REQUEST_ID_REUSED"):
        await said.ask(session.name, "Something else", "q", "another digest")
    assert [question.number, answer.number, later.number] == [1, 2, 3]
    page = await ada.listed(session.name, order_by="create_time asc")
    first, second, _ = page.messages
    assert (first.author, first.user) == (chat_message_pb2.CHAT_AUTHOR_USER, "users/ada")
    assert (second.author, second.user) == (chat_message_pb2.CHAT_AUTHOR_ASSISTANT, "")
    assert (second.reply_to, second.response, second.agent) == (first.name, response, "reviewer")
    assert (await ada.listed(session.name, filter='author = "ASSISTANT"')).messages == [second]
    assert (await ada.get(session.name)).display_name == "What is it?"


@on_both_stores
async def test_a_message_that_was_not_counted_is_counted_later(
    ada: Chatter, said: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await ada.create()
    with monkeypatch.context() as patch:

        async def break_off(*_: Any) -> None:
            raise RuntimeError("as if the service were killed here")

        patch.setattr(said.messages, "_count", break_off)
        with pytest.raises(RuntimeError):
            await said.ask(session.name, "hello", "q")

    async def counted() -> bool:
        return bool((await ada.get(session.name)).message_count == 1)

    assert await eventually(counted)
    assert (await said.ask(session.name, "hello", "q")).number == 1
    assert (await said.ask(session.name, "hello")).number == 2


@on_both_stores
async def test_a_search_finds_words_in_ones_own_sessions(ada: Chatter, said: Speaker) -> None:
    first, second = await ada.create(), await ada.create()
    question = await said.ask(first.name, "Why did the DEPLOYMENT of Café fail?\nIt did not.")
    await said.answer(question, "Its disk was full: déploiement impossible.")
    await said.ask(second.name, "Deploy it again, please")
    page = await ada.search("deploy")
    assert [match.message.name for match in page.matches] == [
        f"{second.name}/messages/1",
        f"{first.name}/messages/1",
    ]
    match = (await ada.search("cafe deploym")).matches[0]
    assert match.snippet == "Why did the DEPLOYMENT of Café fail? It did not."
    pieces = [match.snippet[each.start : each.end] for each in match.highlights]
    assert pieces == ["DEPLOYMENT", "Café"]
    assert match.message.text == ""
    assert not (await ada.search("deploy full")).matches
    one = await ada.search("deploy", page_size=1)
    rest = await ada.search("deploy", page_size=1, page_token=one.next_page_token)
    assert [*one.matches, *rest.matches] == list(page.matches)
    assert not rest.next_page_token
    reason, _ = await refused(ada.search("disk", page_token=one.next_page_token))
    assert reason == "INVALID_PAGE_TOKEN"
    for query in ("?!", " ".join(f"w{n}" for n in range(17))):
        assert (await refused(ada.search(query)))[0] == "INVALID_REQUEST"


async def test_an_export_is_the_whole_session(ada: Chatter, said: Speaker) -> None:
    session = await ada.create(display_name="Größe")
    question = await said.ask(session.name, "Wie groß?")
    await said.answer(question, "žluťoučký kůň " * 20_000)
    for n in range(120):
        await said.ask(session.name, f"line {n}")
    pieces = await ada.export(session.name, "JSON")
    assert {len(piece) for piece in pieces[:-1]} == {CHUNK}
    document = json.loads(b"".join(pieces))
    assert document["session"]["displayName"] == "Größe"
    assert [int(message["number"]) for message in document["messages"]] == list(range(1, 123))
    assert document["messages"][1]["text"] == "žluťoučký kůň " * 20_000
    text = b"".join(await ada.export(session.name)).decode()
    assert text.startswith(f"# Größe\n\n{session.name} of users/ada, ")
    assert "\n## 1 · users/ada · " in text
    assert "\n## 2 · reviewer · " in text
    assert text.index("line 0") < text.index("line 119")
    empty = await ada.create()
    assert json.loads(b"".join(await ada.export(empty.name, "JSON")))["messages"] == []


async def test_a_session_is_full_only_where_a_limit_is_configured(
    ada: Chatter, house: House, said: Speaker
) -> None:
    session = await ada.create()
    async with speaker(house.folder, chat_max_messages=3) as limited:
        question = await limited.ask(session.name, "1", "first")
        await limited.answer(question, "2")
        question = await limited.ask(session.name, "3")
        await limited.answer(question, "an answer always has its place")
        with pytest.raises(AdjutantError, match="SESSION_FULL"):
            await limited.ask(session.name, "5")
        assert (await limited.ask(session.name, "1", "first")).number == 1
    assert (await said.ask(session.name, "5")).number == 5
