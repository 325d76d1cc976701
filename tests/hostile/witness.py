"""A client who does what everybody does, while others attack: it must notice nothing but delay."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from adjutant.agent_runner.v1 import run_service_pb2, run_service_pb2_grpc
from adjutant.event.v1 import frame_pb2
from adjutant.notification.v1 import subscription_service_pb2, subscription_service_pb2_grpc
from adjutant.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from services.ports import port_of
from tests.hostile.tenants import Tenant
from tests.support.identities import bearer

CALL_TIMEOUT_S: Final = 8.0
"""Seconds within which each call must be answered; generous, for two processors are shared."""
QUIET_S: Final = 15.0
"""Seconds without a frame after which a stream counts as dead; heartbeats come each second."""
_PAUSE_S: Final = 0.15
"""Seconds between two rounds of calls: within what a key may."""
_SUBMIT_EVERY_S: Final = 1.0
_PLAN: Final = "- [ ] say\n  run: true\n"


class Witness:
    """Calls again and again, on connections that stay open, and as a newcomer."""

    def __init__(self, tenant: Tenant, port_base: int) -> None:
        self._project = tenant.project
        self._metadata = bearer(tenant.token)
        self._ports = {
            name: port_of(name, port_base)
            for name in ("orchestrator", "agent_runner", "notification")
        }
        self.served = 0
        self.frames = 0
        self.unhealthy = 0
        self.slowest_s = 0.0
        self.complaints: list[str] = []
        self._submitted: dict[str, float] = {}

    async def run(self) -> None:
        """Call for ever."""
        async with (
            self._open("orchestrator") as orchestrator,
            self._open("agent_runner") as runner,
            self._open("notification") as notification,
            asyncio.TaskGroup() as group,
        ):
            tasks: Any = task_service_pb2_grpc.TaskServiceStub(orchestrator)
            runs: Any = run_service_pb2_grpc.RunServiceStub(runner)
            group.create_task(self._ask(tasks, runs))
            group.create_task(self._submit(tasks))
            group.create_task(self._listen(notification))
            for service in self._ports:
                group.create_task(self._look_in(service))

    def judge(self) -> None:
        """Complain of tasks of which no event came."""
        now = time.monotonic()
        silent = [name for name, at in self._submitted.items() if now - at > QUIET_S]
        self.complaints += [f"no event of {name} came" for name in silent]
        if not self.served or not self.frames:
            self.complaints.append("the well-behaved client was not served at all")

    async def _ask(self, tasks: Any, runs: Any) -> None:
        """Make the calls that people make all the time."""
        listed = task_service_pb2.ListTasksRequest(parent=self._project, page_size=10)
        ran = run_service_pb2.ListRunsRequest(parent=self._project, page_size=10)
        while True:
            answer = await self._timed("ListTasks", lambda: self._call(tasks.ListTasks, listed))
            for task in answer.tasks[:2] if answer else ():
                wanted = task_service_pb2.GetTaskRequest(name=task.name)
                await self._timed("GetTask", lambda r=wanted: self._call(tasks.GetTask, r))  # type: ignore[misc]
            await self._timed("ListRuns", lambda: self._call(runs.ListRuns, ran))
            await asyncio.sleep(_PAUSE_S)

    async def _submit(self, tasks: Any) -> None:
        """Hand in work now and then; its events must come."""
        request = task_service_pb2.SubmitTaskRequest(parent=self._project, instructions=_PLAN)
        while True:
            answer = await self._timed("SubmitTask", lambda: self._call(tasks.SubmitTask, request))
            if answer:
                self._submitted[answer.task.name] = time.monotonic()
            await asyncio.sleep(_SUBMIT_EVERY_S)

    async def _listen(self, notification: grpc.aio.Channel) -> None:
        """Keep one stream open from the beginning to the end."""
        stub: Any = subscription_service_pb2_grpc.SubscriptionServiceStub(notification)
        # From the start: what is submitted before the stream is live must be heard of, too.
        request = subscription_service_pb2.SubscribeRequest(parent=self._project, from_start=True)
        try:
            call = stub.Subscribe(request, metadata=self._metadata)
            while True:
                async with asyncio.timeout(QUIET_S):
                    response = await call.read()
                if response is grpc.aio.EOF:
                    raise EOFError
                self._heard(response.frame)
        except (grpc.aio.AioRpcError, TimeoutError, EOFError) as error:
            self.complaints.append(f"the open stream ended: {error!r}")

    def _heard(self, frame: frame_pb2.EventFrame) -> None:
        self.frames += 1
        if frame.HasField("event"):
            self._submitted.pop(frame.event.task, None)

    async def _look_in(self, service: str) -> None:
        """Come as a newcomer, and ask for the service's health."""
        while True:
            answer = await self._timed(f"health of {service}", lambda: self._health(service))
            if answer is None or answer.status != health_pb2.HealthCheckResponse.SERVING:
                self.unhealthy += 1
            await asyncio.sleep(0.5)

    async def _health(self, service: str) -> Any:
        # A pool of its own, or gRPC would take a connection that is there already.
        options = [("grpc.use_local_subchannel_pool", 1)]
        address = f"127.0.0.1:{self._ports[service]}"
        async with grpc.aio.insecure_channel(address, options=options) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            return await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_TIMEOUT_S)

    async def _call(self, method: Any, request: Any) -> Any:
        return await method(request, timeout=CALL_TIMEOUT_S, metadata=self._metadata)

    async def _timed(self, what: str, call: Callable[[], Awaitable[Any]]) -> Any:
        began = time.monotonic()
        try:
            answer = await call()
        except grpc.aio.AioRpcError as error:
            self.complaints.append(f"{what} got {error.code()}: {(error.details() or '')[:200]}")
            return None
        self.served += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        return answer

    def _open(self, service: str) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(f"127.0.0.1:{self._ports[service]}")
