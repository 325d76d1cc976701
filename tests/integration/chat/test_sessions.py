"""Sessions over the wire: each is its user's, and gone when it is removed."""

from typing import Any

import pytest

from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.session import SESSIONS, announce_change
from services.orchestrator.chat.sessions import Sessions
from tests.integration.chat.conftest import Chatter
from tests.integration.tenancy.conftest import PROJECT, House, eventually, refused
from tests.integration.tenancy.test_audit import entries
from tests.support.chat import Speaker
from tests.support.stores import on_both_stores

People = dict[str, Chatter]


@on_both_stores
async def test_a_session_is_made_renamed_listed_and_removed(ada: Chatter, said: Speaker) -> None:
    first = await ada.create(display_name="One", agent="reviewer")
    assert first.user == "users/ada"
    assert (first.display_name, first.agent, first.message_count) == ("One", "reviewer", 0)
    second = await ada.create()
    assert await ada.sessions() == [second.name, first.name]
    renamed = await ada.update(first.name, display_name="Uno")
    assert (renamed.display_name, renamed.agent) == ("Uno", "reviewer")
    freed = await ada.update(first.name, "agent")
    assert (freed.display_name, freed.agent) == ("Uno", "")
    assert await ada.get(first.name) == freed
    assert await ada.sessions(filter='display_name = "Uno"') == [first.name]
    await said.ask(first.name, "the last words of it")
    used_last = await ada.sessions(order_by="update_time desc", page_size=1)
    assert used_last == [first.name]
    await ada.delete(first.name)
    assert await ada.sessions() == [second.name]
    assert not (await ada.search("words")).matches
    assert not [one async for one in said.store.scan(CHAT_MESSAGES, {})]
    for call in (ada.get(first.name), ada.listed(first.name), ada.delete(first.name)):
        assert (await refused(call))[0] == "NOT_FOUND"
    with pytest.raises(AdjutantError, match="NOT_FOUND"):
        await said.ask(first.name, "too late")


async def test_the_same_request_makes_one_session_of_each_user(people: People) -> None:
    once = await people["ada"].create("r", display_name="One")
    assert await people["ada"].create("r", display_name="One") == once
    assert (await people["bob"].create("r", display_name="One")).name != once.name
    reason, _ = await refused(people["ada"].create("r", display_name="Two"))
    assert reason == "REQUEST_ID_REUSED"


async def test_a_session_is_its_users(people: People, said: Speaker) -> None:
    session = await people["ada"].create(display_name="Private")
    await said.ask(session.name, "between the two of us")
    calls: list[Any] = [
        lambda who: who.get(session.name),
        lambda who: who.listed(session.name),
        lambda who: who.chat.GetMessage(pb.GetMessageRequest(name=f"{session.name}/messages/1")),
        lambda who: who.export(session.name),
        lambda who: who.update(session.name, display_name="Mine"),
        lambda who: who.delete(session.name),
    ]
    for call in calls:
        missing = f"{PROJECT}/sessions/{'0' * 8}"
        reason, message = await refused(call(people["bob"]))
        assert reason == "NOT_FOUND", message
        _, of_none = await refused(people["bob"].get(missing))
        assert message.replace(session.name, missing) == of_none
        assert (await refused(call(people["stranger"])))[0] == "PERMISSION_DENIED"
    assert await people["bob"].sessions() == []
    assert not (await people["bob"].search("between")).matches
    assert (await refused(people["vic"].create()))[0] == "PERMISSION_DENIED"
    assert await people["vic"].sessions() == []


async def test_who_manages_the_project_sees_sessions_and_may_remove_them(
    people: People, said: Speaker
) -> None:
    ada, bob, olga = people["ada"], people["bob"], people["olga"]
    hers, his = await ada.create(), await bob.create()
    await said.ask(hers.name, "hello")
    assert await olga.sessions() == []
    assert await olga.sessions(user="users/ada") == [hers.name]
    assert await olga.sessions(user="-") == [his.name, hers.name]
    assert await bob.sessions(user="users/bob") == [his.name]
    for user in ("-", "users/ada"):
        assert (await refused(bob.sessions(user=user)))[0] == "PERMISSION_DENIED"
    assert len((await olga.listed(hers.name)).messages) == 1
    assert b"hello" in b"".join(await olga.export(hers.name))
    # She may see and remove, but neither speak nor rename for another, nor search what they said.
    assert (await refused(olga.update(hers.name, display_name="x")))[0] == "PERMISSION_DENIED"
    assert not (await olga.search("hello")).matches
    await olga.delete(hers.name)
    assert await ada.sessions() == []


async def test_wrong_changes_are_refused(ada: Chatter) -> None:
    session = await ada.create()
    changed = await ada.update(session.name, display_name="Now", etag=session.etag)
    reason, _ = await refused(ada.update(session.name, display_name="Then", etag=session.etag))
    assert reason == "CONCURRENT_CHANGE"
    assert await ada.get(session.name) == changed
    for call in (
        ada.update(session.name, "user", user="users/bob"),
        ada.update(session.name, agent="No Such"),
        ada.update(session.name, display_name="x" * 201),
    ):
        assert (await refused(call))[0] == "INVALID_REQUEST"
    assert await ada.get(session.name) == changed


async def test_removals_and_exports_are_told_to_the_audit_log(house: House, people: People) -> None:
    session = await people["ada"].create()
    await people["ada"].export(session.name)
    await people["ada"].delete(session.name)

    async def found() -> list[str]:
        told = await entries(house.owner, PROJECT, filter='principal = "users/ada"')
        methods = sorted(e.method.rpartition("/")[2] for e in told if e.resource == session.name)
        return methods if len(methods) == 2 else []

    assert await eventually(found) == ["DeleteSession", "ExportSession"]


@on_both_stores
async def test_what_a_removal_left_behind_when_it_broke_off_is_removed(
    ada: Chatter, said: Speaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await ada.create()
    await said.ask(session.name, "left behind")

    async def break_off(self: Sessions, name: str) -> None:
        await self._store.delete(SESSIONS, name, events=announce_change(name, "DELETED"))

    monkeypatch.setattr(Sessions, "delete", break_off)
    await ada.delete(session.name)

    async def gone() -> bool:
        return not [one async for one in said.store.scan(CHAT_MESSAGES, {})]

    assert await eventually(gone)
