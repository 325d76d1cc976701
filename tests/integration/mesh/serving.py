"""A small service of the tests' own, with everything that every service has."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import grpc

from adjutant.notification.v1 import subscription_service_pb2_grpc
from adjutant.orchestrator.v1 import task_pb2, task_service_pb2, task_service_pb2_grpc
from services.mesh.app import Mesh, Service, run_service
from services.mesh.channel import open_channel
from services.mesh.config import MeshSettings
from services.notification.rpc.subscription_service import SubscriptionService
from services.ports import free_port_base
from tests.integration.mesh.harness import PARENT, PATIENCE_S, TASK
from tests.support.access import owner_of, publish_projects
from tests.unit.mesh.conftest import NOTES

Act = Callable[[Any], Awaitable[Any]]
GET = task_service_pb2.GetTaskRequest(name=TASK)


class SmallSettings(MeshSettings):
    service: ClassVar[str] = "knowledge_base"


class Tasks(task_service_pb2_grpc.TaskServiceServicer):
    """A servicer that does what the test says."""

    def __init__(self) -> None:
        self.act: Act = self.answer
        self.calls = 0
        self.frames = 1
        self.watch_ended = asyncio.Event()

    async def answer(self, _: Any) -> Any:
        return task_service_pb2.GetTaskResponse(task=task_pb2.Task(name=TASK))

    async def GetTask(self, request: Any, context: Any) -> Any:
        self.calls += 1
        self.context = context
        return await self.act(request)

    async def SubmitTask(self, request: Any, context: Any) -> Any:
        return await self.act(request)

    async def EstimateTask(self, request: Any, context: Any) -> Any:
        return await self.act(request)

    async def ListTasks(self, request: Any, context: Any) -> Any:
        return await self.act(request)

    async def CancelTask(self, request: Any, context: Any) -> Any:
        return await self.act(request)

    async def RetryTask(self, request: Any, context: Any) -> Any:
        return await self.act(request)

    async def WatchTask(self, request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            for _ in range(self.frames):
                yield task_service_pb2.WatchTaskResponse()
            await self.act(request)
        finally:
            self.watch_ended.set()


@dataclass
class Served:
    """A running service and a channel to it."""

    mesh: Mesh
    tasks: Tasks
    channel: grpc.aio.Channel
    stop: asyncio.Event
    running: "asyncio.Task[None]"

    @property
    def stub(self) -> Any:
        """Its TaskService."""
        return task_service_pb2_grpc.TaskServiceStub(self.channel)

    @property
    def subscriptions(self) -> Any:
        """Its SubscriptionService."""
        return subscription_service_pb2_grpc.SubscriptionServiceStub(self.channel)

    @property
    def as_owner(self) -> tuple[tuple[str, str], ...]:
        """Metadata with the owner's token, for calls on a channel that shows none."""
        return (("authorization", f"Bearer {owner_of(self.mesh.settings.data_dir)()}"),)

    @property
    def address(self) -> str:
        """Where it serves."""
        return f"{self.mesh.settings.host}:{self.mesh.settings.port}"


def small_service(tasks: Tasks, made: "asyncio.Future[Mesh]", extra: Any = None) -> Service:
    """Return the service; `extra` wires more into it."""

    async def build(mesh: Mesh) -> None:
        mesh.serve(
            task_service_pb2_grpc.add_TaskServiceServicer_to_server,
            tasks,
            "adjutant.orchestrator.v1.TaskService",
        )
        mesh.serve(
            subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server,
            SubscriptionService(mesh.hub),
            "adjutant.notification.v1.SubscriptionService",
        )
        if extra:
            extra(mesh)
        made.set_result(mesh)

    return Service(SmallSettings, collections=(NOTES,), build=build)


@contextlib.asynccontextmanager
async def serving(
    folder: pathlib.Path, nats_url: str, extra: Callable[[Mesh], None] | None = None, **values: Any
) -> AsyncIterator[Served]:
    """Run the service for a block; what it failed with, the block's end raises."""
    settings = SmallSettings(
        data_dir=folder,
        nats_url=nats_url,
        **{"port_base": free_port_base(), "drain_grace_s": 1.0, **values},
    )
    tasks, stop, ready = Tasks(), asyncio.Event(), asyncio.Event()
    made: asyncio.Future[Mesh] = asyncio.get_running_loop().create_future()
    service = small_service(tasks, made, extra)
    running = asyncio.create_task(run_service(service, settings, stop, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([running, waiting], timeout=PATIENCE_S, return_when="FIRST_COMPLETED")
    waiting.cancel()
    if running.done():
        await running
    await publish_projects(nats_url, PARENT, data_dir=folder)
    channel = open_channel(f"{settings.host}:{settings.port}", settings, owner_of(folder))
    try:
        yield Served(made.result(), tasks, channel, stop, running)
    finally:
        await channel.close()
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await running


async def refused(call: Awaitable[Any]) -> grpc.aio.AioRpcError:
    """Return the error that a call ends with."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            answer = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"the call was answered: {answer}")


__all__ = ["GET", "PARENT", "TASK", "Served", "SmallSettings", "Tasks", "refused", "serving"]
