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
<<<<<<< HEAD
from services.orchestrator.chat.context import Bounds, Contexts
=======
from services.orchestrator.adapters.mlflow import MlflowServer
from services.orchestrator.adapters.models import open_catalog
from services.orchestrator.agents.action import ACTIONS
from services.orchestrator.agents.capabilities import Domain
from services.orchestrator.agents.following import KINDS, Following
>>>>>>> modes
from services.orchestrator.chat.export import Exports
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.chat.sessions import Sessions
<<<<<<< HEAD
from services.orchestrator.models.estimate import text_tokens
from services.orchestrator.models.port import Models
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.direct import DirectResponder
=======
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
>>>>>>> modes
from services.orchestrator.responses.dispatcher import Dispatcher
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.maker import Limits, Maker
from services.orchestrator.responses.reading import Reading
<<<<<<< HEAD
from services.orchestrator.responses.response import RESPONSES
from services.orchestrator.responses.responses import Responses
from services.orchestrator.responses.settling import Settling
from services.orchestrator.rpc.chat_service import ChatService

_CONTRACT: Final = "adjutant.orchestrator.v1"
CHAT_COLLECTIONS: Final[tuple[Collection[Any], ...]] = (SESSIONS, CHAT_MESSAGES, RESPONSES)


def serve_chat(mesh: Mesh, rights: Rights, models: Models) -> None:
    """Serve sessions and responses, and see that what was begun is gone through with."""
    sessions = Sessions(mesh.store, rights)
    messages = ChatMessages(mesh.store, sessions, mesh.settings.chat_max_messages)
    responses, reading = _make_responses(mesh, Conversation(mesh.store, sessions, messages), models)
=======
from services.orchestrator.responses.responder import Responder
from services.orchestrator.responses.response import RESPONSES
from services.orchestrator.responses.responses import Responses
from services.orchestrator.responses.settling import Settling
from services.orchestrator.rpc.budget_service import BudgetService
from services.orchestrator.rpc.chat_service import ChatService
from services.orchestrator.rpc.trace_service import TraceService
from services.orchestrator.rpc.usage_service import UsageService
from services.orchestrator.traces.mlflow import Exporter, Fetcher
from services.orchestrator.traces.recorder import TraceRecorder
from services.orchestrator.traces.trace import TRACE_BODIES, TRACE_CALLS, TRACES
from services.orchestrator.traces.traces import Forgetting, Traces
from services.orchestrator.usage.budget import BUDGETS
from services.orchestrator.usage.budgets import Budgets
from services.orchestrator.usage.call import CALLS
from services.orchestrator.usage.ledger import UsageLedger
from services.orchestrator.usage.prices import Prices
from services.orchestrator.usage.sums import Sums
from services.orchestrator.wiring.agents import make_modes

_CONTRACT: Final = "adjutant.orchestrator.v1"
CHAT_COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    SESSIONS,
    CHAT_MESSAGES,
    RESPONSES,
    ACTIONS,
    CALLS,
    BUDGETS,
    TRACES,
    TRACE_CALLS,
    TRACE_BODIES,
)


def serve_chat(mesh: Mesh, rights: Rights, domain: Domain) -> None:
    """Serve everything that models answer in."""
    options = mesh.settings
    patience = Patience(options.model_liveness_s, options.model_max_attempts)
    catalog = open_catalog(options, mesh.store)
    recorder = _serve_traces(mesh, rights)
    models = ModelGateway(catalog, _serve_usage(mesh), recorder, patience)
    _serve_sessions(mesh, rights, make_modes(mesh, models, recorder, domain))


def _serve_usage(mesh: Mesh) -> UsageLedger:
    """Serve sums and budgets, and return the ledger for whoever calls models."""
    store, options = mesh.store, mesh.settings
    ledger = UsageLedger(store, Prices(options.model_prices), options)
    mesh.serve(
        usage_service_pb2_grpc.add_UsageServiceServicer_to_server,
        UsageService(Sums(store), mesh.hub),
        f"{_CONTRACT}.UsageService",
    )
    mesh.serve(
        budget_service_pb2_grpc.add_BudgetServiceServicer_to_server,
        BudgetService(Budgets(store, options.usage_ttl_s)),
        f"{_CONTRACT}.BudgetService",
    )
    mesh.run_in_background("model calls", Due(store, CALLS, "due_time", ledger.see_to).run)
    mesh.run_in_background("budgets", Due(store, BUDGETS, "due_time", ledger.tidy).run)
    return ledger


def _serve_sessions(mesh: Mesh, rights: Rights, responder: Responder) -> None:
    """Serve chat sessions, and see that what was begun in them is gone through with."""
    sessions = Sessions(mesh.store, rights)
    messages = ChatMessages(mesh.store, sessions, mesh.settings.chat_max_messages)
    conversation = Conversation(mesh.store, sessions, messages)
    responses, reading = _make_responses(mesh, conversation, responder)
>>>>>>> modes
    mesh.serve(
        chat_service_pb2_grpc.add_ChatServiceServicer_to_server,
        ChatService(sessions, messages, Exports(mesh.store), responses, reading),
        f"{_CONTRACT}.ChatService",
    )
    changed = [event_pb2.EVENT_KIND_SESSION_CHANGED]
    mesh.consume("orchestrator-sessions", changed, sessions.on_session_changed)
    added = [event_pb2.EVENT_KIND_CHAT_MESSAGE_ADDED]
    mesh.consume("orchestrator-chat-messages", added, messages.on_message_added)
    following = Following(mesh.store, messages)
    mesh.consume("orchestrator-chat-tasks", KINDS, following.on_event)


def _make_responses(
    mesh: Mesh, conversation: Conversation, responder: Responder
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
    mesh.on_stop(feeds.close)
    mesh.on_stop(dispatcher.close)
    heartbeat_s = options.stream_heartbeat_s
    return responses, Reading(responses, feeds, heartbeat_s, lambda: mesh.hub.is_closing)


def _make_responses(
    mesh: Mesh, conversation: Conversation, models: Models
) -> tuple[Responses, Reading]:
    """Have responses made in the background, and return what callers ask for them."""
    store, options = mesh.store, mesh.settings
    bounds = Bounds(
        options.chat_history_messages, options.chat_history_tokens, options.chat_retrieved_tokens
    )
    responder = DirectResponder(store, Contexts(store, bounds, text_tokens), models)
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
    mesh.on_stop(feeds.close)
    mesh.on_stop(dispatcher.close)
    heartbeat_s = options.stream_heartbeat_s
    return responses, Reading(responses, feeds, heartbeat_s, lambda: mesh.hub.is_closing)
