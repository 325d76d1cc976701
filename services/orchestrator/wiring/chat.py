"""Wires chat: sessions, their messages, and the responses to them."""

from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    chat_service_pb2_grpc,
)
from services.mesh.access.rights import Rights
from services.mesh.app import Mesh
from services.mesh.due import Due
from services.mesh.store import Collection
from services.orchestrator.agents.action import ACTIONS
from services.orchestrator.agents.following import KINDS, Following
from services.orchestrator.chat.export import Exports
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.dispatcher import Dispatcher
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.maker import Limits, Maker
from services.orchestrator.responses.reading import Reading
from services.orchestrator.responses.removal import Removal
from services.orchestrator.responses.responder import Responder
from services.orchestrator.responses.response import RESPONSES
from services.orchestrator.responses.responses import Responses
from services.orchestrator.responses.settling import Settling
from services.orchestrator.rpc.chat_service import ChatService

_CONTRACT: Final = "adjutant.orchestrator.v1"
CHAT_COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    SESSIONS,
    CHAT_MESSAGES,
    RESPONSES,
    ACTIONS,
)


def serve_chat(mesh: Mesh, rights: Rights, responder: Responder) -> None:
    """Serve sessions and responses, and see that what was begun is gone through with."""
    sessions = Sessions(mesh.store, rights)
    messages = ChatMessages(mesh.store, sessions, mesh.settings.chat_max_messages)
    conversation = Conversation(mesh.store, sessions, messages)
    responses, reading = _make_responses(mesh, sessions, conversation, responder)
    mesh.serve(
        chat_service_pb2_grpc.add_ChatServiceServicer_to_server,
        ChatService(sessions, messages, Exports(mesh.store), responses, reading),
        f"{_CONTRACT}.ChatService",
    )
    added = [event_pb2.EVENT_KIND_CHAT_MESSAGE_ADDED]
    mesh.consume("orchestrator-chat-messages", added, messages.on_message_added)
    following = Following(mesh.store, messages)
    mesh.consume("orchestrator-chat-tasks", KINDS, following.on_event)


def _make_responses(
    mesh: Mesh, sessions: Sessions, conversation: Conversation, responder: Responder
) -> tuple[Responses, Reading]:
    """Have responses made in the background, and return what callers ask for them."""
    store, options = mesh.store, mesh.settings
    chunks = Chunks(mesh.events)
    feeds = Feeds(store, chunks)
    settling = Settling(store, conversation, chunks, options.response_ttl_s)
    limits = Limits(options.response_max_attempts, options.response_max_bytes)
    dispatcher = Dispatcher(
        store,
        mesh.leases,
        mesh.events,
        Maker(store, responder, feeds, chunks, settling, limits),
        at_once=options.max_concurrent_responses,
        per_user=options.max_concurrent_responses_user,
    )
    responses = Responses(store, conversation, settling, dispatcher)
    mesh.run_in_background("responses", dispatcher.run)
    due = Due(store, RESPONSES, "due_time", settling.see_to)
    mesh.run_in_background("ended responses", due.run)
    mesh.before_purge(chunks.remove)
    changed = [event_pb2.EVENT_KIND_SESSION_CHANGED]
    removal = Removal(sessions, dispatcher, chunks)
    mesh.consume("orchestrator-sessions", changed, removal.on_session_changed)
    mesh.on_stop(feeds.close)
    mesh.on_stop(dispatcher.close)
    heartbeat_s = options.stream_heartbeat_s
    return responses, Reading(responses, feeds, heartbeat_s, lambda: mesh.hub.is_closing)
