"""Wires the orchestrator: this and `wiring/` are where its parts are constructed.

Here is the main job: tasks, their queues, approvals and schedules.
"""

from contextlib import AsyncExitStack
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    approval_service_pb2_grpc,
    queue_service_pb2_grpc,
    schedule_service_pb2_grpc,
    task_message_service_pb2_grpc,
    task_service_pb2_grpc,
)
from services.mesh.access.rights import Rights
from services.mesh.app import Mesh, Service
from services.mesh.due import Due
from services.mesh.store import Collection
from services.orchestrator.adapters.checkpoints import open_checkpoints
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.agents.capabilities import Domain
from services.orchestrator.approvals.approval import APPROVALS
from services.orchestrator.approvals.approvals import Approvals
from services.orchestrator.approvals.asking import Asker
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.approvals.expiry import Expiry
from services.orchestrator.approvals.statistics import ApprovalStatistics
from services.orchestrator.conductor import Conductor
from services.orchestrator.ending import Ending
from services.orchestrator.graph import TaskGraph
from services.orchestrator.messages.message import MESSAGES
from services.orchestrator.messages.messages import Messages
from services.orchestrator.models.facts import ProjectFacts
from services.orchestrator.news import News
from services.orchestrator.plans.cache import PLANS, CachedPlanner
from services.orchestrator.plans.estimate import Estimates
from services.orchestrator.plans.planner import ChecklistPlanner
from services.orchestrator.plans.preview import Previews
from services.orchestrator.plans.proposal import LenientPlanner, ModelProposer
from services.orchestrator.plans.statistics import STATISTICS, Statistics
from services.orchestrator.queues.queues import Queues
from services.orchestrator.retention import Retention
from services.orchestrator.rpc.approval_service import ApprovalService
from services.orchestrator.rpc.queue_service import QueueService
from services.orchestrator.rpc.schedule_service import ScheduleService
from services.orchestrator.rpc.task_message_service import TaskMessageService
from services.orchestrator.rpc.task_service import TaskService
from services.orchestrator.schedules.schedule import SCHEDULES
from services.orchestrator.schedules.schedules import Schedules
from services.orchestrator.schedules.ticker import Ticker
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.backoff import BackOff
from services.orchestrator.tasks.results import Results
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tasks.tasks import Tasks
from services.orchestrator.tenancy.defaults import make_defaults
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.effective import Inheritance
from services.orchestrator.wiring.agents import make_modes
from services.orchestrator.wiring.chat import CHAT_COLLECTIONS, serve_chat
from services.orchestrator.wiring.models import MODEL_COLLECTIONS, serve_models
from services.orchestrator.wiring.tenancy import TENANCY_COLLECTIONS, serve_tenancy

_CONTRACT: Final = "adjutant.orchestrator.v1"
COLLECTIONS: Final[tuple[Collection[Any], ...]] = (
    TASKS,
    APPROVALS,
    SCHEDULES,
    MESSAGES,
    PLANS,
    STATISTICS,
    *CHAT_COLLECTIONS,
    *MODEL_COLLECTIONS,
    *TENANCY_COLLECTIONS,
)


async def build(mesh: Mesh) -> None:
    """Make the orchestrator's parts and register them."""
    options: OrchestratorSettings = mesh.settings
    stack = AsyncExitStack()
    saver = await stack.enter_async_context(open_checkpoints(options, mesh.store))
    runner = Runner(options.agent_runner_address, options)
    rights = Rights(mesh.authorizer)
    models = serve_models(mesh, rights)
    checklists = ChecklistPlanner()
    understood = LenientPlanner(checklists) if models.can_plan else checklists
    planner = CachedPlanner(understood, mesh.store, options.plan_cache_ttl_s)
    statistics = Statistics(mesh.store, options.statistics_ttl_s)
    estimates = Estimates(statistics)
    inheritance = Inheritance(mesh.store, options.max_parallel_steps)
    expiry = Due(mesh.store, APPROVALS, "due_time", Expiry(mesh.store).see_to)
    asker = Asker(mesh.store, inheritance, options, expiry.look)
    proposer = ModelProposer(models.gateway) if models.can_plan else None
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
    approvals = Approvals(mesh.store, asker, runner, dismissal)
    queues = Queues(mesh.store, conductor.place)

    mesh.serve(
        task_service_pb2_grpc.add_TaskServiceServicer_to_server,
        TaskService(tasks, Previews(planner, estimates, inheritance), mesh.hub),
        f"{_CONTRACT}.TaskService",
    )
    mesh.serve(
        approval_service_pb2_grpc.add_ApprovalServiceServicer_to_server,
        ApprovalService(approvals, ApprovalStatistics(mesh.store)),
        f"{_CONTRACT}.ApprovalService",
    )
    _serve_queues(mesh, queues, messages)
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
    schedules = _serve_schedules(mesh, tasks)
    domain = Domain(tasks, approvals, queues, schedules, ProjectFacts(mesh.store))
    serve_chat(mesh, rights, make_modes(mesh, models.gateway, models.recorder, domain))
    serve_tenancy(mesh, directory, rights, inheritance)
    await make_defaults(mesh.store, directory, default_project=options.create_default_project)
    mesh.before_purge(saver.remove_below)
    mesh.on_stop(stack.aclose)
    mesh.on_stop(runner.close)
    mesh.on_stop(conductor.close)


def _serve_schedules(mesh: Mesh, tasks: Tasks) -> Schedules:
    """Serve schedules, and see to their ticks."""
    ticker = Ticker(mesh.store, mesh.leases, tasks, mesh.settings)
    due = Due(mesh.store, SCHEDULES, "due_time", ticker.tick)
    schedules = Schedules(mesh.store, tasks, due)
    mesh.serve(
        schedule_service_pb2_grpc.add_ScheduleServiceServicer_to_server,
        ScheduleService(schedules),
        f"{_CONTRACT}.ScheduleService",
    )
    mesh.run_in_background("schedules", due.run)
    return schedules


def _serve_queues(mesh: Mesh, queues: Queues, messages: Messages) -> None:
    """Serve the queues that tasks wait in, and messages to tasks."""
    mesh.serve(
        queue_service_pb2_grpc.add_QueueServiceServicer_to_server,
        QueueService(queues, mesh.hub),
        f"{_CONTRACT}.QueueService",
    )
    mesh.serve(
        task_message_service_pb2_grpc.add_TaskMessageServiceServicer_to_server,
        TaskMessageService(messages),
        f"{_CONTRACT}.TaskMessageService",
    )
    mesh.run_in_background("messages", Due(mesh.store, MESSAGES, "check_time", messages.check).run)


SERVICE: Final = Service(OrchestratorSettings, collections=COLLECTIONS, build=build)
