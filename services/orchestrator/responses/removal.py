"""Sees that nothing of a session is made, or kept, when it is removed."""

from adjutant.event.v1 import chat_events_pb2, event_pb2
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.dispatcher import Dispatcher


class Removal:
    """Hears of sessions that were removed."""

    def __init__(self, sessions: Sessions, dispatcher: Dispatcher, chunks: Chunks) -> None:
        self._sessions = sessions
        self._dispatcher = dispatcher
        self._chunks = chunks

    async def on_session_changed(self, event: event_pb2.Event) -> None:
        """Stop what is made in a session that was removed, and remove what is left in it."""
        if event.session_changed.change != chat_events_pb2.SessionChanged.CHANGE_DELETED:
            return
        # First its records: by those that are missing whoever makes them knows that it may stop.
        await self._sessions.on_session_changed(event)
        await self._dispatcher.tell()
        # What is still published after that, its publisher takes back itself.
        await self._chunks.remove(event.resource)
