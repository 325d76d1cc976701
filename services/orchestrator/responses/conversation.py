"""Where questions and answers are kept for people, as responses see it: the chat's sessions."""

from typing import Protocol

from services.mesh.store import Guard
from services.orchestrator.responses.response import ResponseRecord


class Conversation(Protocol):
    """The sessions that responses belong to."""

    async def require(self, session: str) -> None:
        """Raise NOT_FOUND unless whoever calls may see and use the session."""

    def stands(self, session: str) -> Guard:
        """Return the guard that keeps a response out of a session that is being removed."""

    async def ask(self, response: ResponseRecord) -> None:
        """Put a response's question into its session; a repeat changes nothing.

        A session that is gone takes none, and that is no error.
        """

    async def answer(self, response: ResponseRecord) -> None:
        """Put what a response came to into its session, likewise."""
