"""Wires the orchestrator: the one place that constructs its parts."""

from contextlib import AsyncExitStack
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    api_key_service_pb2_grpc,
    approval_service_pb2_grpc,
    audit_service_pb2_grpc,
    budget_service_pb2_grpc,
    chat_service_pb2_grpc,
    client_service_pb2_grpc,
    connection_service_pb2_grpc,
    group_service_pb2_grpc,
    identity_service_pb2_grpc,
    member_service_pb2_grpc,
    model_service_pb2_grpc,
    project_service_pb2_grpc,
    queue_service_pb2_grpc,
    schedule_service_pb2_grpc,
    task_message_service_pb2_grpc,
    task_service_pb2_grpc,
    trace_service_pb2_grpc,
    usage_service_pb2_grpc,
)
from services.mesh.access.rights import Rights
from services.mesh.app import Mesh, Service
from services.mesh.due import Due
from services.mesh.identity.api_keys import make_token
from services.mesh.secrets.envelope import Vault
from services.mesh.store import Collection
from services.orchestrator.adapters.checkpoints import open_checkpoints
from services.orchestrator.adapters.mlflow import MlflowServer
from services.orchestrator.adapters.models import missing_for, open_catalog
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.approvals.approvals import Approvals
from services.orchestrator.approvals.asking import Asker
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.approvals.expiry import Expiry
from services.orchestrator.approvals.statistics import ApprovalStatistics
from services.orchestrator.chat.context import Bounds, Contexts
from services.orchestrator.chat.export import Exports
from services.orchestrator.chat.message import CHAT_MESSAGES
from services.orchestrator.chat.messages import ChatMessages
from services.orchestrator.chat.session import SESSIONS
from services.orchestrator.chat.sessions import Sessions
from services.orchestrator.conductor import Conductor
from services.orchestrator.ending import Ending
from services.orchestrator.graph import TaskGraph
from services.orchestrator.messages.message import MESSAGES
from services.orchestrator.messages.messages import Messages
from services.orchestrator.models.estimate import text_tokens
from services.orchestrator.models.gateway import ModelGateway, Patience
from services.orchestrator.models.listing import Listing
from services.orchestrator.models.port import Models
from services.orchestrator.news import News
from services.orchestrator.plans.cache import PLANS, CachedPlanner
from services.orchestrator.plans.estimate import Estimates
from services.orchestrator.plans.planner import ChecklistPlanner
from services.orchestrator.plans.preview import Previews
from services.orchestrator.plans.proposal import LenientPlanner, ModelProposer
from services.orchestrator.plans.statistics import STATISTICS, Statistics
from services.orchestrator.queues.queues import Queues
from services.orchestrator.responses.chunks import Chunks
from services.orchestrator.responses.conversation import Conversation
from services.orchestrator.responses.direct import DirectResponder
from services.orchestrator.responses.dispatcher import Dispatcher
from services.orchestrator.responses.feeds import Feeds
from services.orchestrator.responses.maker import Limits, Maker
from services.orchestrator.responses.reading import Reading
from services.orchestrator.responses.response import RESPONSES
from services.orchestrator.responses.responses import Responses
from services.orchestrator.responses.settling import Settling
from services.orchestrator.retention import Retention
from services.orchestrator.rpc.api_key_service import ApiKeyService
from services.orchestrator.rpc.approval_service import ApprovalService
from services.orchestrator.rpc.audit_service import AuditService
from services.orchestrator.rpc.budget_service import BudgetService
from services.orchestrator.rpc.chat_service import ChatService
from services.orchestrator.rpc.client_service import ClientService
from services.orchestrator.rpc.connection_service import ConnectionService
from services.orchestrator.rpc.group_service import GroupService
from services.orchestrator.rpc.identity_service import IdentityService
from services.orchestrator.rpc.member_service import MemberService
from services.orchestrator.rpc.model_service import ModelService
from services.orchestrator.rpc.project_service import ProjectService
from services.orchestrator.rpc.queue_service import QueueService
from services.orchestrator.rpc.schedule_service import ScheduleService
from services.orchestrator.rpc.task_message_service import TaskMessageService
from services.orchestrator.rpc.task_service import TaskService
from services.orchestrator.rpc.trace_service import TraceService
from services.orchestrator.rpc.usage_service import UsageService
from services.orchestrator.schedules.schedule import SCHEDULES
from services.orchestrator.schedules.schedules import Schedules
from services.orchestrator.schedules.ticker import Ticker
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.backoff import BackOff
from services.orchestrator.tasks.results import Results
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tasks.tasks import Tasks
from services.orchestrator.tenancy.api_key import API_KEYS, KEY_USES
from services.orchestrator.tenancy.audit import AUDIT_ENTRIES, Audit
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.connections import PURPOSE, Connections
from services.orchestrator.tenancy.defaults import make_defaults
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.effective import Inheritance
from services.orchestrator.tenancy.group import GROUPS
from services.orchestrator.tenancy.identity import Identities
from services.orchestrator.tenancy.keys import ApiKeys
from services.orchestrator.tenancy.kinds import CLIENT, GROUP, PROJECT, stands
from services.orchestrator.tenancy.members import Members
from services.orchestrator.tenancy.nodes import Nodes
from services.orchestrator.tenancy.project import PROJECTS
from services.orchestrator.tenancy.rewrapping import Rewrapping
from services.orchestrator.tenancy.stored_connection import CONNECTIONS
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
from services.orchestrator.vault import master_keys

_CONTRACT: Final = "adjutant.orchestrator.v1"
COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    TASKS,
    APPROVALS,
    SCHEDULES,
    MESSAGES,
    SESSIONS,
    CHAT_MESSAGES,
    RESPONSES,
    CLIENTS,
    GROUPS,
    PROJECTS,
    CONNECTIONS,
    API_KEYS,
    KEY_USES,
    AUDIT_ENTRIES,
    PLANS,
    STATISTICS,
    CALLS,
    BUDGETS,
    TRACES,
    TRACE_CALLS,
    TRACE_BODIES,
)


async def build(mesh: Mesh) -> None:
    """Make the orchestrator's parts and register them."""
    options: OrchestratorSettings = mesh.settings
    stack = AsyncExitStack()
    saver = await stack.enter_async_context(open_checkpoints(options, mesh.store))
    runner = Runner(options.agent_runner_address, options)
    rights = Rights(mesh.authorizer)
    models, can_plan = _serve_models(mesh, rights)
    checklists = ChecklistPlanner()
    understood = LenientPlanner(checklists) if can_plan else checklists
    planner = CachedPlanner(understood, mesh.store, options.plan_cache_ttl_s)
    statistics = Statistics(mesh.store, options.statistics_ttl_s)
    estimates = Estimates(statistics)
    inheritance = Inheritance(mesh.store, options.max_parallel_steps)
    expiry = Due(mesh.store, APPROVALS, "due_time", Expiry(mesh.store).see_to)
    asker = Asker(mesh.store, inheritance, options, expiry.look)
    proposer = ModelProposer(models) if can_plan else None
    nodes = TaskGraph(
        mesh.store, runner, planner, estimates, asker, options.max_step_iterations, proposer
    )
    graph = nodes.compile(saver)
    back_off = BackOff(mesh.store, lambda name: conductor.wake(name))
    results = Results(mesh.store, runner, options, back_off.look)
    dismissal = Dismissal(mesh.store)
    ending = Ending(mesh.store, runner, results, dismissal)
    messages = Messages(mesh.store, planner, dismissal, lambda name: conductor.wake(name))
    conductor = Conductor(mesh.store, mesh.leases, ending, graph, options, messages)
    news = News(mesh.store, results, conductor.wake, conductor.place, options)
    directory = Directory(mesh.store, mesh.policies)
    tasks = Tasks(mesh.store, conductor.wake, inheritance, rights, planner)

    mesh.serve(
        task_service_pb2_grpc.add_TaskServiceServicer_to_server,
        TaskService(tasks, Previews(planner, estimates, inheritance), mesh.hub),
        f"{_CONTRACT}.TaskService",
    )
    mesh.serve(
        approval_service_pb2_grpc.add_ApprovalServiceServicer_to_server,
        ApprovalService(
            Approvals(mesh.store, asker, runner, dismissal), ApprovalStatistics(mesh.store)
        ),
        f"{_CONTRACT}.ApprovalService",
    )
    _serve_queues(mesh, conductor, messages)
    mesh.consume("orchestrator-runs", [event_pb2.EVENT_KIND_RUN_STATE_CHANGED], news.on_run_event)
    mesh.consume(
        "orchestrator-approvals",
        [event_pb2.EVENT_KIND_APPROVAL_RESOLVED],
        news.on_approval_event,
    )
    mesh.consume(
        "orchestrator-dismissals",
        [event_pb2.EVENT_KIND_TASK_STATE_CHANGED, event_pb2.EVENT_KIND_RUN_STATE_CHANGED],
        dismissal.on_event,
    )
    mesh.run_in_background("expiry", expiry.run)
    mesh.run_in_background("reconcile", news.reconcile_forever)
    retention = Retention(mesh.store, saver, options.checkpoint_ttl_s)
    due = Due(mesh.store, TASKS, "thread_time", retention.see_to)
    mesh.run_in_background("retention", due.run)
    mesh.run_in_background("back-off", back_off.run)
    mesh.run_in_background("plan cache", planner.run)
    mesh.run_in_background("statistics", statistics.run)
    ends = [event_pb2.EVENT_KIND_STEP_STATE_CHANGED]
    mesh.consume("orchestrator-statistics", ends, statistics.on_step_event)
    _serve_schedules(mesh, tasks)
    _serve_chat(mesh, rights, models)
    connections = _serve_connections(mesh, inheritance)
    _serve_hierarchy(mesh, directory, rights, inheritance, connections)
    _serve_keys(mesh, directory, rights)
    _serve_audit(mesh)
    await make_defaults(mesh.store, directory, default_project=options.create_default_project)
    mesh.before_purge(saver.remove_below)
    mesh.on_stop(stack.aclose)
    mesh.on_stop(runner.close)
    mesh.on_stop(conductor.close)


def _serve_schedules(mesh: Mesh, tasks: Tasks) -> None:
    """Serve schedules, and see to their ticks."""
    ticker = Ticker(mesh.store, mesh.leases, tasks, mesh.settings)
    due = Due(mesh.store, SCHEDULES, "due_time", ticker.tick)
    mesh.serve(
        schedule_service_pb2_grpc.add_ScheduleServiceServicer_to_server,
        ScheduleService(Schedules(mesh.store, tasks, due)),
        f"{_CONTRACT}.ScheduleService",
    )
    mesh.run_in_background("schedules", due.run)


def _serve_models(mesh: Mesh, rights: Rights) -> tuple[Models, bool]:
    """Serve what language models there are, and return the one way to them.

    With it whether real ones are asked, and not the built-in script.
    """
    options = mesh.settings
    catalog = open_catalog(options, mesh.store)
    patience = Patience(options.model_liveness_s, options.model_max_attempts)
    models = ModelGateway(catalog, _serve_usage(mesh), _serve_traces(mesh, rights), patience)
    mesh.serve(
        model_service_pb2_grpc.add_ModelServiceServicer_to_server,
        ModelService(Listing(catalog, missing_for)),
        f"{_CONTRACT}.ModelService",
    )
    return models, catalog.can_plan


def _serve_chat(mesh: Mesh, rights: Rights, models: Models) -> None:
    """Serve chat sessions, and see that what was begun in them is gone through with."""
    sessions = Sessions(mesh.store, rights)
    messages = ChatMessages(mesh.store, sessions, mesh.settings.chat_max_messages)
    responses, reading = _make_responses(mesh, Conversation(mesh.store, sessions, messages), models)
    mesh.serve(
        chat_service_pb2_grpc.add_ChatServiceServicer_to_server,
        ChatService(sessions, messages, Exports(mesh.store), responses, reading),
        f"{_CONTRACT}.ChatService",
    )
    changed = [event_pb2.EVENT_KIND_SESSION_CHANGED]
    mesh.consume("orchestrator-sessions", changed, sessions.on_session_changed)
    added = [event_pb2.EVENT_KIND_CHAT_MESSAGE_ADDED]
    mesh.consume("orchestrator-chat-messages", added, messages.on_message_added)


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


def _serve_traces(mesh: Mesh, rights: Rights) -> TraceRecorder:
    """Serve traces, and return what records them."""
    store, options = mesh.store, mesh.settings
    uri: str = options.mlflow_tracking_uri
    prefix, timeout_s = options.mlflow_experiment_prefix, options.mlflow_timeout_s
    server = MlflowServer(uri, prefix, timeout_s) if uri else None
    mesh.serve(
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
        TraceService(Traces(store, rights, Fetcher(store, server, options) if server else None)),
        f"{_CONTRACT}.TraceService",
    )
    forgetting = Due(store, TRACES, "expire_time", Forgetting(store).see_to)
    mesh.run_in_background("old traces", forgetting.run)
    if server is None:
        return TraceRecorder(store, options)
    exports = Due(store, TRACES, "export_due_time", Exporter(store, server).see_to)
    mesh.run_in_background("trace export", exports.run)
    return TraceRecorder(store, options, on_export_due=exports.look)


def _serve_queues(mesh: Mesh, conductor: Conductor, messages: Messages) -> None:
    """Serve the queues that tasks wait in, and messages to tasks."""
    mesh.serve(
        queue_service_pb2_grpc.add_QueueServiceServicer_to_server,
        QueueService(Queues(mesh.store, conductor.place), mesh.hub),
        f"{_CONTRACT}.QueueService",
    )
    mesh.serve(
        task_message_service_pb2_grpc.add_TaskMessageServiceServicer_to_server,
        TaskMessageService(messages),
        f"{_CONTRACT}.TaskMessageService",
    )
    mesh.run_in_background("messages", Due(mesh.store, MESSAGES, "check_time", messages.check).run)


def _serve_connections(mesh: Mesh, inheritance: Inheritance) -> Connections:
    """Serve connections, and return them for whoever asks what holds in a project."""
    vault = Vault(master_keys(mesh.settings), PURPOSE)
    sealing = mesh.settings.service_dir / "sealing.lock"
    connections = Connections(mesh.store, vault, inheritance.chain, stands, sealing)
    mesh.serve(
        connection_service_pb2_grpc.add_ConnectionServiceServicer_to_server,
        ConnectionService(connections, Rewrapping(mesh.store, vault, connections)),
        f"{_CONTRACT}.ConnectionService",
    )
    return connections


def _serve_hierarchy(
    mesh: Mesh,
    directory: Directory,
    rights: Rights,
    inheritance: Inheritance,
    connections: Connections,
) -> None:
    """Serve clients, groups, projects and members, and tell every service of them."""
    store = mesh.store
    mesh.serve(
        client_service_pb2_grpc.add_ClientServiceServicer_to_server,
        ClientService(Nodes(CLIENT, store, directory, rights)),
        f"{_CONTRACT}.ClientService",
    )
    mesh.serve(
        group_service_pb2_grpc.add_GroupServiceServicer_to_server,
        GroupService(Nodes(GROUP, store, directory, rights)),
        f"{_CONTRACT}.GroupService",
    )
    mesh.serve(
        project_service_pb2_grpc.add_ProjectServiceServicer_to_server,
        ProjectService(Nodes(PROJECT, store, directory, rights), inheritance, connections, rights),
        f"{_CONTRACT}.ProjectService",
    )
    mesh.serve(
        member_service_pb2_grpc.add_MemberServiceServicer_to_server,
        MemberService(Members(store, directory, rights)),
        f"{_CONTRACT}.MemberService",
    )
    kinds = [event_pb2.EVENT_KIND_ACCESS_CHANGED]
    mesh.consume("orchestrator-access", kinds, directory.on_access_changed)
    mesh.run_in_background("access", directory.reconcile_forever)
    mesh.events.on_reconnect(directory.publish_again)


def _serve_keys(mesh: Mesh, directory: Directory, rights: Rights) -> None:
    """Serve API keys, and what callers ask about themselves."""
    keys = ApiKeys(mesh.store, directory, rights, make_token)
    mesh.serve(
        api_key_service_pb2_grpc.add_ApiKeyServiceServicer_to_server,
        ApiKeyService(keys),
        f"{_CONTRACT}.ApiKeyService",
    )
    mesh.serve(
        identity_service_pb2_grpc.add_IdentityServiceServicer_to_server,
        IdentityService(Identities(mesh.store)),
        f"{_CONTRACT}.IdentityService",
    )
    mesh.before_purge(keys.revoke_below)


def _serve_audit(mesh: Mesh) -> None:
    """Serve the audit log, as far as it can be listed."""
    audit = Audit(mesh.store)
    mesh.serve(
        audit_service_pb2_grpc.add_AuditServiceServicer_to_server,
        AuditService(audit),
        f"{_CONTRACT}.AuditService",
    )
    mesh.consume_audit("orchestrator-audit", audit.on_entry)
    max_age_s = mesh.settings.audit_max_age_s
    mesh.run_in_background("audit entries", lambda: audit.forget_forever(max_age_s))


SERVICE: Final = Service(OrchestratorSettings, collections=COLLECTIONS, build=build)
