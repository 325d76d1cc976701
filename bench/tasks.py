"""Tasks without runs: every step is ticked off, so a task is its graph and nothing else."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

import grpc.aio

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2, subscription_service_pb2_grpc
from adjutant.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from bench import harness
from bench.mesh import PARENT, WAIT_TIMEOUT_S

PLAN = "# Nothing left to do\n\n- [x] first\n- [x] second\n  after: first\n"
FINAL = {
    task_pb2.TASK_STATE_COMPLETED,
    task_pb2.TASK_STATE_FAILED,
    task_pb2.TASK_STATE_CANCELLED,
}


class Tasks:
    """Submits tasks and hears of them through one subscription."""

    def __init__(self, orchestrator: grpc.aio.Channel) -> None:
        self._stub = task_service_pb2_grpc.TaskServiceStub(orchestrator)
        self._heard: defaultdict[str, asyncio.Queue[tuple[float, event_pb2.Event]]] = defaultdict(
            asyncio.Queue
        )

    @classmethod
    @contextlib.asynccontextmanager
    async def subscribed(
        cls, orchestrator: grpc.aio.Channel, notification: grpc.aio.Channel
    ) -> AsyncIterator["Tasks"]:
        """Subscribe and give what submits; the subscription ends with the block."""
        tasks = cls(orchestrator)
        live = asyncio.Event()
        listening = asyncio.create_task(tasks._listen(notification, live))
        try:
            async with asyncio.timeout(WAIT_TIMEOUT_S):
                await live.wait()
            yield tasks
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def submit(self, plan: str = PLAN) -> str:
        """Submit a task; its name."""
        request = task_service_pb2.SubmitTaskRequest(parent=PARENT, instructions=plan)
        return (await self._stub.SubmitTask(request)).task.name

    async def story(self, name: str) -> AsyncIterator[tuple[float, event_pb2.Event]]:
        """Give each event of a task and when it came, up to the final state.

        RuntimeError where the task does not complete.
        """
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:
                when, event = await self._heard[name].get()
                yield when, event
                state = event.task_state_changed.state
                if state in FINAL:
                    break
        del self._heard[name]
        if state != task_pb2.TASK_STATE_COMPLETED:
            raise RuntimeError(f"{name} did not complete: {event.task_state_changed.failure}")

    async def _listen(self, notification: grpc.aio.Channel, live: asyncio.Event) -> None:
        stub = subscription_service_pb2_grpc.SubscriptionServiceStub(notification)
        request = subscription_service_pb2.SubscribeRequest(parent=PARENT)
        async for response in stub.Subscribe(request):
            frame = response.frame
            if frame.WhichOneof("frame") == "live":
                live.set()
            elif frame.event.task:
                self._heard[frame.event.task].put_nowait((harness.now_ms(), frame.event))
