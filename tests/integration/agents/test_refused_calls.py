"""Calls of tools that are refused stand in the audit log as those from outside do."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adjutant.common.v1 import access_pb2, error_reason_pb2
from adjutant.orchestrator.v1 import api_key_service_pb2, audit_entry_pb2
from adjutant.orchestrator.v1 import audit_service_pb2 as pb
from services.orchestrator.agents.toolbox import Toolbox
from tests.integration.tenancy.conftest import PROJECT, House, eventually
from tests.support.conversation import PLAN, Talk

SUBMIT = "adjutant.orchestrator.v1.TaskService/SubmitTask"


@pytest.fixture
def first(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Awaitable[Any]]], None]:
    """Have something happen after tools were offered, right before one is called."""

    def happens(what: Callable[[], Awaitable[Any]]) -> None:
        call = Toolbox.call

        async def later(self: Toolbox, *given: Any, **named: Any) -> str:
            await what()
            return await call(self, *given, **named)

        monkeypatch.setattr(Toolbox, "call", later)

    return happens


async def denial(house: House) -> audit_entry_pb2.AuditEntry:
    """Return the one refusal that is told of in the project."""
    request = pb.ListAuditEntriesRequest(parent=PROJECT, filter='kind = "DENIAL"')

    async def found() -> list[audit_entry_pb2.AuditEntry]:
        return list((await house.owner.audit.ListAuditEntries(request)).entries)

    [entry] = await eventually(found)
    assert entry.kind == access_pb2.AUDIT_KIND_DENIAL
    assert (entry.method, entry.resource, entry.peer) == (SUBMIT, PROJECT, "chat")
    return entry  # type: ignore[no-any-return]


async def test_of_somebody_whose_role_was_taken_meanwhile(
    talk: Talk, house: House, first: Any
) -> None:
    await talk.say(f"do: {PLAN}")
    first(lambda: house.owner.member(PROJECT, "ada", "VIEWER"))
    assert "PERMISSION_DENIED" in (await talk.say("yes")).text
    entry = await denial(house)
    assert entry.denial == error_reason_pb2.ERROR_REASON_PERMISSION_DENIED
    assert entry.principal == "users/ada"
    assert not await talk.tasks()


async def test_of_a_key_that_was_revoked_meanwhile(house: House, first: Any) -> None:
    token = await house.owner.narrow_key(
        PROJECT, "EDITOR", "CHAT_READ", "CHAT_WRITE", "TASKS_WRITE"
    )
    listing = api_key_service_pb2.ListApiKeysRequest(parent=PROJECT)
    [key] = (await house.owner.keys.ListApiKeys(listing)).api_keys
    talk = await Talk(house.with_token(token).channel).begin()
    await talk.say(f"do: {PLAN}")
    first(lambda: house.owner.revoke(key.name))
    await talk.send("yes")
    entry = await denial(house)
    assert entry.denial == error_reason_pb2.ERROR_REASON_UNAUTHENTICATED
    assert entry.principal == key.name
