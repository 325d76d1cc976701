"""A whole mesh in this process: the real services over real gRPC, and a real nats-server."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2, frame_pb2
from adjutant.notification.v1 import subscription_service_pb2_grpc
from adjutant.orchestrator.v1 import (
    approval_pb2,
    approval_service_pb2,
    approval_service_pb2_grpc,
    client_service_pb2,
    client_service_pb2_grpc,
    model_service_pb2_grpc,
    project_service_pb2,
    project_service_pb2_grpc,
    queue_service_pb2_grpc,
    schedule_service_pb2_grpc,
    task_message_pb2,
    task_message_service_pb2,
    task_message_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
    trace_service_pb2_grpc,
)
from services.agent_runner.app import SERVICE as AGENT_RUNNER
from services.mesh.app import Service, run_service
from services.mesh.channel import Bearer
from services.mesh.embedded import EmbeddedNats
from services.notification.app import SERVICE as NOTIFICATION
from services.orchestrator.app import SERVICE as ORCHESTRATOR
from services.ports import free_port_base
from tests.support.access import owner_of, showing

PROJECT = "clients/acme/projects/web"
FINAL = (states.TASK_STATE_COMPLETED, states.TASK_STATE_FAILED, states.TASK_STATE_CANCELLED)
SERVICES = (ORCHESTRATOR, AGENT_RUNNER, NOTIFICATION)
# Tests that kill services come back as soon as these do, and not after the minutes of the default.
_SOON = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500))


class Caller:
    """Stubs of every service, and what tests do with them again and again."""

    def __init__(self, port_base: int, data_dir: Path, token: Bearer | None = None) -> None:
        """Take where the mesh is; without a token it calls as the mesh's owner."""
        shown = token or owner_of(data_dir)
        self._channels = [
            grpc.aio.insecure_channel(
                f"127.0.0.1:{port_base + n}", options=_SOON, interceptors=showing(shown)
            )
            for n in (1, 2, 5)
        ]
        orchestrator, runner, notification = self._channels
        self.channel: Any = orchestrator
        # The generated stubs' types tell apart sync and async by the channel.
        self.tasks: Any = task_service_pb2_grpc.TaskServiceStub(orchestrator)
        self.queues: Any = queue_service_pb2_grpc.QueueServiceStub(orchestrator)
        self.messages: Any = task_message_service_pb2_grpc.TaskMessageServiceStub(orchestrator)
        self.clients: Any = client_service_pb2_grpc.ClientServiceStub(orchestrator)
        self.projects: Any = project_service_pb2_grpc.ProjectServiceStub(orchestrator)
        self.approvals: Any = approval_service_pb2_grpc.ApprovalServiceStub(orchestrator)
        self.schedules: Any = schedule_service_pb2_grpc.ScheduleServiceStub(orchestrator)
        self.models: Any = model_service_pb2_grpc.ModelServiceStub(orchestrator)
        self.traces: Any = trace_service_pb2_grpc.TraceServiceStub(orchestrator)
        self.runs: Any = run_service_pb2_grpc.RunServiceStub(runner)
        self.subscriptions: Any = subscription_service_pb2_grpc.SubscriptionServiceStub(
            notification
        )

    async def make_project(self, project_name: str = PROJECT) -> None:
        """Make the project that tests work in, or another one, where it is not there yet."""
        _, client_id, _, project_id = project_name.split("/")
        client = client_service_pb2.CreateClientRequest(client_id=client_id)
        project = project_service_pb2.CreateProjectRequest(
            parent=f"clients/{client_id}", project_id=project_id
        )
        # One after the other: a call is on its way as soon as it is made.
        for method, request in (
            (self.clients.CreateClient, client),
            (self.projects.CreateProject, project),
        ):
            try:
                await method(request)
            except grpc.aio.AioRpcError as error:
                if error.code() != grpc.StatusCode.ALREADY_EXISTS:
                    raise

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()

    async def submit(self, plan: str, repo: Path | None = None, **fields: Any) -> task_pb2.Task:
        request = task_service_pb2.SubmitTaskRequest(parent=PROJECT, instructions=plan, **fields)
        if repo:
            request.repository.uri = str(repo)
        return (await self.tasks.SubmitTask(request)).task  # type: ignore[no-any-return]

    async def retry(self, name: str) -> task_pb2.Task:
        request = task_service_pb2.RetryTaskRequest(name=name)
        return (await self.tasks.RetryTask(request)).task  # type: ignore[no-any-return]

    async def task(self, name: str) -> task_pb2.Task:
        response = await self.tasks.GetTask(task_service_pb2.GetTaskRequest(name=name))
        return response.task  # type: ignore[no-any-return]

    async def tell(
        self, task: str, text: str, request_id: str = ""
    ) -> task_message_pb2.TaskMessage:
        """Send a task a message."""
        request = task_message_service_pb2.SendTaskMessageRequest(
            parent=task, text=text, request_id=request_id
        )
        return (await self.messages.SendTaskMessage(request)).message  # type: ignore[no-any-return]

    async def told(self, task: str) -> list[task_message_pb2.TaskMessage]:
        """Return a task's messages, the first one first."""
        found: list[task_message_pb2.TaskMessage] = []
        token = ""
        while True:
            request = task_message_service_pb2.ListTaskMessagesRequest(
                parent=task, order_by="create_time asc", page_size=500, page_token=token
            )
            page = await self.messages.ListTaskMessages(request)
            found += page.messages
            if not (token := page.next_page_token):
                return found

    async def run(self, name: str) -> run_pb2.Run:
        response = await self.runs.GetRun(run_service_pb2.GetRunRequest(name=name))
        return response.run  # type: ignore[no-any-return]

    async def watch(self, name: str, cursor: str = "") -> AsyncIterator[frame_pb2.EventFrame]:
        request = task_service_pb2.WatchTaskRequest(name=name, cursor=cursor)
        async for response in self.tasks.WatchTask(request):
            yield response.frame

    async def story(self, name: str, timeout_s: float = 30) -> list[event_pb2.Event]:
        """Return every event of a task, up to its end."""
        async with asyncio.timeout(timeout_s):
            frames = [frame async for frame in self.watch(name)]
        return [frame.event for frame in frames if frame.HasField("event")]

    async def finished(self, name: str, timeout_s: float = 30) -> task_pb2.Task:
        """Return a task when it has ended."""
        await self.story(name, timeout_s)
        return await self.task(name)

    async def until(self, name: str, *wanted: int, timeout_s: float = 20) -> task_pb2.Task:
        """Return a task as soon as it is in one of the states."""
        async with asyncio.timeout(timeout_s):
            while (task := await self.task(name)).state not in wanted:
                await asyncio.sleep(0.02)
        return task

    async def pending_approval(self, task: str, timeout_s: float = 20) -> approval_pb2.Approval:
        """Return the approval that a task waits for."""
        request = approval_service_pb2.ListApprovalsRequest(
            parent=PROJECT, filter=f'task = "{task}" AND state = "PENDING"'
        )
        async with asyncio.timeout(timeout_s):
            while not (found := (await self.approvals.ListApprovals(request)).approvals):
                await asyncio.sleep(0.02)
        return found[0]  # type: ignore[no-any-return]

    async def decide(
        self, approval: approval_pb2.Approval, decision: str, reason: str = ""
    ) -> approval_pb2.Approval:
        response = await self.approvals.DecideApproval(
            approval_service_pb2.DecideApprovalRequest(
                name=approval.name,
                decision=f"DECISION_{decision}",
                reason=reason,
                action_digest=approval.action_digest,
            )
        )
        return response.approval  # type: ignore[no-any-return]


@dataclass
class MeshInProcess:
    """The mesh and where it is."""

    data_dir: Path
    port_base: int
    caller: Caller


@contextlib.asynccontextmanager
async def mesh_in_process(data_dir: Path, **settings: Any) -> AsyncIterator[MeshInProcess]:
    """Run the whole mesh in this event loop; settings go to every service that has them."""
    port_base = free_port_base()
    stop = asyncio.Event()
    common = {"data_dir": data_dir, "port_base": port_base, **settings}
    async with contextlib.AsyncExitStack() as stack:
        nats = await EmbeddedNats.start(data_dir, port_base)
        stack.push_async_callback(nats.stop)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for service in SERVICES:
            await _start(group, service, stop, common)
        caller = Caller(port_base, data_dir)
        try:
            await caller.make_project()
            yield MeshInProcess(data_dir, port_base, caller)
        finally:
            await caller.close()
            stop.set()


async def _start(
    group: asyncio.TaskGroup, service: Service, stop: asyncio.Event, common: dict[str, Any]
) -> None:
    ready = asyncio.Event()
    own = service.settings(**common)
    group.create_task(run_service(service, own, stop, ready.set))
    async with asyncio.timeout(20):
        await ready.wait()


def make_repository(folder: Path) -> Path:
    """Make a git repository with one commit on `main`."""
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "README").write_text("hello\n")
    git(folder, "add", ".")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    git(folder, *identity, "commit", "--quiet", "-m", "Begin")
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git and return what it printed."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
