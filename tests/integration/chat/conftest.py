"""An orchestrator with people who chat."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adjutant.orchestrator.v1 import chat_service_pb2 as pb
from adjutant.orchestrator.v1 import chat_service_pb2_grpc, session_pb2
from tests.integration.tenancy.conftest import PROJECT, House, house
from tests.support.chat import Speaker, speaker

__all__ = ["house"]


class Chatter:
    """A person with sessions."""

    def __init__(self, house: House, subject: str) -> None:
        self.who = house.person(subject)
        self.chat: Any = chat_service_pb2_grpc.ChatServiceStub(self.who.channel)

    async def create(self, request_id: str = "", parent: str = PROJECT, **fields: Any) -> Any:
        """Make a session."""
        request = pb.CreateSessionRequest(
            parent=parent, request_id=request_id, session=session_pb2.Session(**fields)
        )
        return (await self.chat.CreateSession(request)).session

    async def get(self, name: str) -> Any:
        """Return a session."""
        return (await self.chat.GetSession(pb.GetSessionRequest(name=name))).session

    async def update(self, name: str, *paths: str, **fields: Any) -> Any:
        """Change a session."""
        request = pb.UpdateSessionRequest(name=name, session=session_pb2.Session(**fields))
        request.update_mask.paths.extend(paths)
        return (await self.chat.UpdateSession(request)).session

    async def delete(self, name: str) -> None:
        """Remove a session."""
        await self.chat.DeleteSession(pb.DeleteSessionRequest(name=name))

    async def sessions(self, **query: Any) -> list[str]:
        """Return the names of sessions that are listed."""
        page = await self.chat.ListSessions(pb.ListSessionsRequest(parent=PROJECT, **query))
        return [session.name for session in page.sessions]

    async def listed(self, session: str, **query: Any) -> Any:
        """Return a page of messages."""
        return await self.chat.ListMessages(pb.ListMessagesRequest(parent=session, **query))

    async def search(self, query: str, **fields: Any) -> Any:
        """Return a page of what a search finds."""
        request = pb.SearchMessagesRequest(parent=PROJECT, query=query, **fields)
        return await self.chat.SearchMessages(request)

    async def export(self, name: str, wanted: str = "UNSPECIFIED") -> list[bytes]:
        """Return the pieces of an export."""
        request = pb.ExportSessionRequest(name=name, format=f"EXPORT_FORMAT_{wanted}")
        return [piece.data async for piece in self.chat.ExportSession(request)]


@pytest.fixture
async def people(house: House) -> dict[str, Chatter]:
    """Two editors, a viewer and an owner of the project, and somebody of no project."""
    roles = {"ada": "EDITOR", "bob": "EDITOR", "vic": "VIEWER", "olga": "OWNER"}
    for subject, role in roles.items():
        await house.owner.member(PROJECT, subject, role)
    return {subject: Chatter(house, subject) for subject in (*roles, "stranger")}


@pytest.fixture
async def ada(people: dict[str, Chatter]) -> Chatter:
    """Somebody who chats."""
    return people["ada"]


@pytest.fixture
async def said(house: House) -> AsyncIterator[Speaker]:
    """What says things in sessions."""
    async with speaker(house.folder, **house.settings) as opened:
        yield opened
