"""Questions and answers as messages of the chat's sessions."""

from services.mesh.errors import suppress_not_found
from services.mesh.store import Store
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.messages import ChatMessages, Said
from services.orchestrator.chat.session import SESSIONS, Events, SessionRecord, await_word
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.responses.response import ResponseRecord


class Conversation:
    """The sessions that responses belong to."""

    def __init__(self, store: Store, sessions: Sessions, messages: ChatMessages) -> None:
        self._store = store
        self._sessions = sessions
        self._messages = messages

    async def may_read(self, session: str) -> None:
        """Raise NOT_FOUND unless whoever calls may see the session."""
        await self._sessions.seen(session)

    async def may_write(self, session: str) -> str:
        """Return the agent that answers where none is named. NOT_FOUND, PERMISSION_DENIED.

        Whoever calls must be the session's user.
        """
        return (await self._sessions.own(session)).agent

    async def ask(self, response: ResponseRecord) -> str:
        """Put a response's question into its session; a repeat finds the first.

        Returns the message's name. NOT_FOUND, SESSION_FULL.
        """
        session = await self._store.get(SESSIONS, response.session)
        said = Said(response.prompt, response.agent, response.name)
        return (await self._messages.ask(session, said, response.name)).name

    async def answer(self, response: ResponseRecord) -> str:
        """Put what a response came to into its session, likewise; empty where it made no text."""
        if not response.text:
            return ""
        question = await self._store.get(CHAT_MESSAGES, response.question)
        said = Said(response.text, response.agent, response.name)
        return (await self._messages.answer(question, said)).name

    async def ask_nothing(self, response: ResponseRecord) -> None:
        """Have the session's user be asked to confirm nothing that a response would do."""

        def change(session: SessionRecord) -> Events | None:
            awaited = session.awaited
            asks = awaited is not None and awaited.response == response.name
            return await_word(session, None) if asks else None

        with suppress_not_found():
            await self._store.update(SESSIONS, response.session, change)
