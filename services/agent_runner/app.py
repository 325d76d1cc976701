"""Wires the agent runner together; the one place that makes its parts."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from adjutant.agent_runner.v1 import run_service_pb2_grpc
from services.agent_runner.adapters.credential_server import CredentialServer
from services.agent_runner.adapters.credentials import OrchestratorCredentials
from services.agent_runner.adapters.git import Workspaces
from services.agent_runner.adapters.git_command import Git, Identity
from services.agent_runner.adapters.messages import TaskMessages
from services.agent_runner.adapters.subprocess import LocalBackend
from services.agent_runner.agents import Agents, CommandAgent, GitAgent
from services.agent_runner.collect import Collector
from services.agent_runner.held import Parts
from services.agent_runner.job import JobMaker
from services.agent_runner.liveness import LivenessLimits
from services.agent_runner.read import Reader
from services.agent_runner.results import Results
from services.agent_runner.rpc.run_service import RunService
from services.agent_runner.run import RUNS
from services.agent_runner.runs import Runs
from services.agent_runner.settings import AgentRunnerSettings
from services.agent_runner.watch import Watcher
from services.mesh.access.rights import Rights
from services.mesh.app import Service
from services.mesh.filelock import locked

if TYPE_CHECKING:
    from pathlib import Path

    from services.mesh.app import Mesh

_RUN_SERVICE: Final = "adjutant.agent_runner.v1.RunService"
_HANDOVER_TIMEOUT_S: Final = 30.0


async def build(mesh: Mesh) -> None:
    """Make the parts of the agent runner and register them."""
    own: AgentRunnerSettings = mesh.settings
    folder = own.service_dir.resolve()
    await _own(folder, own.replica, mesh)
    identity = Identity(own.commit_author_name, own.commit_author_email)
    git = Git(folder, identity, own.git_timeout_s)
    workspaces = Workspaces(git, folder, own.max_checkouts, own.replica)
    await workspaces.install()
    backend = LocalBackend(folder / "runs", own.holder)
    await backend.open()
    credentials = OrchestratorCredentials(own.orchestrator_address, own)
    mesh.on_stop(credentials.close)
    messages = TaskMessages(own.orchestrator_address, own)
    mesh.on_stop(messages.close)
    server = CredentialServer(
        mesh.store, credentials, folder / "credentials" / str(own.replica), (GitAgent.name,)
    )
    await server.start()
    mesh.on_stop(server.close)
    agents = Agents(CommandAgent(), GitAgent(git.environment(), server.link.parent))
    results = Results(mesh.store, mesh.blobs, own.max_result_bytes)
    parts = Parts(
        store=mesh.store,
        backend=backend,
        jobs=JobMaker(
            own, workspaces, mesh.blobs, agents, identity, credentials, results, messages
        ),
        collector=Collector(folder / "runs", backend, workspaces, mesh.blobs, results),
        limits=LivenessLimits(own.liveness_window_s, own.loop_repeats, own.stuck_after_s),
        progress_interval_s=own.progress_interval_s,
    )
    runs = Runs(parts, mesh.leases, own.reconcile_interval_s, Rights(mesh.authorizer))
    reader = Reader(mesh.store, backend, mesh.blobs, lambda: mesh.hub.is_closing)
    watcher = Watcher(mesh.store, mesh.hub)
    servicer = RunService(runs, reader, watcher)
    mesh.serve(run_service_pb2_grpc.add_RunServiceServicer_to_server, servicer, _RUN_SERVICE)
    mesh.run_in_background("reconcile", runs.reconcile_for_ever)
    mesh.on_stop(runs.close)
    mesh.before_purge(runs.end_below)
    mesh.before_purge(lambda removed: mesh.blobs.remove(f"runs/{removed}"))


async def _own(folder: Path, replica: int, mesh: Mesh) -> None:
    """Wait until this replica's former self works in the folder no more: it may still stop.

    OSError where it does not stop.
    """
    lock = AsyncExitStack()
    mesh.on_stop(lock.aclose)
    try:
        async with asyncio.timeout(_HANDOVER_TIMEOUT_S):
            await lock.enter_async_context(locked(folder / f"runner-{replica}.lock"))
    except TimeoutError:
        raise OSError(
            f"another agent runner works in {folder} as replica {replica}; end it, or choose "
            "another ADJUTANT_REPLICA or ADJUTANT_DATA_DIR"
        ) from None


SERVICE: Final = Service(AgentRunnerSettings, collections=(RUNS,), build=build)
