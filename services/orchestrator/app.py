"""Wires the orchestrator: the one place that constructs its parts."""

from contextlib import AsyncExitStack
from typing import Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import approval_service_pb2_grpc, task_service_pb2_grpc
from services.mesh.app import Mesh, Service
from services.mesh.identity.service_token import bearer
from services.orchestrator.adapters.checkpoints import open_checkpoints
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approval import APPROVALS
from services.orchestrator.conductor import Conductor
from services.orchestrator.graph import TaskGraph
from services.orchestrator.rpc.approval_service import ApprovalService
from services.orchestrator.rpc.task_service import TaskService
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.task import TASKS
from services.orchestrator.tasks import Approvals, Tasks


async def build(mesh: Mesh) -> None:
    """Make the orchestrator's parts and register them."""
    options: OrchestratorSettings = mesh.settings
    stack = AsyncExitStack()
    path = options.service_dir / "checkpoints.db"
    saver = await stack.enter_async_context(open_checkpoints(path, options.sqlite_synchronous))
    runner = Runner(options.agent_runner_address, bearer(options))
    graph = TaskGraph(mesh.store, runner).compile(saver)
    conductor = Conductor(mesh.store, mesh.leases, runner, graph, options)
    tasks = Tasks(mesh.store, conductor.wake)

    mesh.serve(
        task_service_pb2_grpc.add_TaskServiceServicer_to_server,
        TaskService(tasks, mesh.hub),
        "adjutant.orchestrator.v1.TaskService",
    )
    mesh.serve(
        approval_service_pb2_grpc.add_ApprovalServiceServicer_to_server,
        ApprovalService(Approvals(mesh.store)),
        "adjutant.orchestrator.v1.ApprovalService",
    )
    mesh.consume(
        "orchestrator-runs", [event_pb2.EVENT_KIND_RUN_STATE_CHANGED], conductor.on_run_event
    )
    mesh.consume(
        "orchestrator-approvals",
        [event_pb2.EVENT_KIND_APPROVAL_RESOLVED],
        conductor.on_approval_event,
    )
    mesh.run_in_background("reconcile", conductor.reconcile_forever)
    mesh.on_stop(stack.aclose)
    mesh.on_stop(runner.close)
    mesh.on_stop(conductor.close)


SERVICE: Final = Service(OrchestratorSettings, collections=(TASKS, APPROVALS), build=build)
