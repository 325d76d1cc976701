"""What an agent is told beside the message that it answers."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.mesh.store import now
from services.orchestrator.chat.context import Bounds, Context, Contexts, Passage
from services.orchestrator.chat.message import CHAT_MESSAGES, ChatMessageRecord
from services.orchestrator.chat.session import SESSIONS, SessionRecord
from tests.support.chat import Speaker
from tests.support.stores import Open

PROJECT = "clients/acme/projects/web"
SESSION = f"{PROJECT}/sessions/s"
ROOMY = Bounds(20, 1000, 1000)


def tokens(text: str) -> int:
    """Count a token for each word."""
    return len(text.split())


@pytest.fixture
async def said(open_replica: Open) -> Speaker:
    store = await open_replica([SESSIONS, CHAT_MESSAGES])
    time = now()
    session = SessionRecord(name=SESSION, create_time=time, update_time=time, user="users/ada")
    await store.insert(SESSIONS, session)
    return Speaker(store)


async def context(
    said: Speaker, question: ChatMessageRecord, bounds: Bounds = ROOMY, *retrievers: Any
) -> Context:
    return await Contexts(said.store, bounds, tokens, retrievers).of(question)


def texts(found: Context) -> list[str]:
    return [record.text for record in found.history]


async def talk(said: Speaker, turns: int) -> ChatMessageRecord:
    """Have a conversation, and return the question that is open then."""
    for n in range(1, turns + 1):
        question = await said.ask(SESSION, f"question {n}")
        await said.answer(question, f"answer {n}")
    return await said.ask(SESSION, "and now")


async def test_all_is_told_where_it_fits(said: Speaker) -> None:
    found = await context(said, await talk(said, 30))
    expected = [f"{what} {n}" for n in range(21, 31) for what in ("question", "answer")]
    assert texts(found) == expected
    assert not found.history_complete
    found = await context(said, found.question, Bounds(60, 1000, 0))
    assert len(found.history) == 60
    assert found.history_complete
    assert (found.question.text, found.passages, found.passages_complete) == ("and now", (), True)


async def test_messages_that_came_meanwhile_are_told_in_the_order_of_the_conversation(
    said: Speaker,
) -> None:
    first = await said.ask(SESSION, "first")
    second = await said.ask(SESSION, "second")
    third = await said.ask(SESSION, "third")
    assert texts(await context(said, first)) == []
    await said.answer(first, "to the first")
    assert texts(await context(said, second)) == ["first", "to the first"]
    await said.answer(second, "to the second")
    told = ["first", "to the first", "second", "to the second"]
    assert texts(await context(said, third)) == told
    # An answer that is made anew is told what the first attempt was told.
    assert texts(await context(said, second)) == told[:2]


async def test_the_newest_that_fit_are_told_and_the_rest_is_said_to_be_left_out(
    said: Speaker,
) -> None:
    question = await talk(said, 5)
    found = await context(said, question, Bounds(4, 1000, 0))
    assert texts(found) == ["question 4", "answer 4", "question 5", "answer 5"]
    assert not found.history_complete
    # Never an answer first whose question is left out.
    assert texts(await context(said, question, Bounds(3, 1000, 0))) == texts(found)[2:]
    assert texts(await context(said, question, Bounds(100, 7, 0))) == texts(found)[2:]
    found = await context(said, question, Bounds(100, 0, 0))
    assert (texts(found), found.history_complete) == ([], False)
    found = await context(said, question, Bounds(10, 20, 0))
    assert (len(found.history), found.history_complete) == (10, True)


class Knows:
    """Knows something of everything."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []

    async def retrieve(self, project: str, user: str, query: str) -> Sequence[Passage]:
        """Return a few passages."""
        self.asked.append((project, user, query))
        return [Passage("a", "one two three"), Passage("b", "four five"), Passage("c", "six")]


async def test_what_is_known_is_told_within_its_own_bound(said: Speaker) -> None:
    question, knows = await said.ask(SESSION, "what is it"), Knows()
    found = await context(said, question, Bounds(0, 0, 5), knows)
    assert [passage.source for passage in found.passages] == ["a", "b"]
    assert not found.passages_complete
    assert knows.asked == [(PROJECT, "users/ada", "what is it")]
    found = await context(said, question, Bounds(0, 0, 12), knows, knows)
    assert [passage.source for passage in found.passages] == ["a", "b", "c"] * 2
    assert found.passages_complete
