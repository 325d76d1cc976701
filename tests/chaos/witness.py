"""Who listens to the events: each stream goes on from its cursor whenever it is cut off."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import AsyncIterable, AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import grpc

from adjutant.event.v1 import event_pb2, frame_pb2
from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import task_service_pb2
from tests.support.mesh import FINAL, Caller

QUIET_S: Final = 5.0
"""Seconds without a frame after which a stream is opened anew: its service may be stopped."""
_PAUSE_S: Final = 0.1
_RESTLESS_FRAMES: Final = 40
"""Frames after which a restless listener hangs up at the latest."""

Open: TypeAlias = Callable[[str], AsyncIterable[Any]]
"""Opens a stream from a cursor; empty is the beginning."""
Moment: TypeAlias = Callable[[event_pb2.Event], bool]


@dataclass
class Listener:
    """Hears every event of one stream, however often it is cut off."""

    name: str
    open: Open
    restless: random.Random | None = None
    """Of one that hangs up by itself, now and then."""
    events: list[event_pb2.Event] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    cut_off: int = 0
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    _cursor: str = ""

    async def run(self) -> None:
        """Listen for ever."""
        while True:
            await self._once()
            self.cut_off += 1
            await asyncio.sleep(_PAUSE_S)

    async def follow(self) -> None:
        """Listen until a task's final state was heard, and its stream has ended by itself."""
        while not (await self._once() and self._is_final()):
            self.cut_off += 1
            await asyncio.sleep(_PAUSE_S)

    async def until(self, moment: Moment) -> event_pb2.Event:
        """Return the first event of this kind, as soon as it has come."""
        async with self.arrived:
            await self.arrived.wait_for(lambda: any(map(moment, self.events)))
        return next(filter(moment, self.events))

    @property
    def ids(self) -> list[str]:
        """What was heard, in its order."""
        return [event.event_id for event in self.events]

    def story(self, task: str) -> list[str]:
        """Return the ids of what was heard of one task, in its order."""
        return [event.event_id for event in self.events if event.task == task]

    async def _once(self) -> bool:
        """Listen until the stream ends; tell whether it did so by itself."""
        left = self.restless.randint(0, _RESTLESS_FRAMES) if self.restless else -1
        try:
            async for frame in _unless_quiet(self.open(self._cursor)):
                await self._hear(frame)
                left -= 1
                if left == 0:
                    return False
        except (grpc.aio.AioRpcError, TimeoutError):
            return False
        return True

    async def _hear(self, frame: frame_pb2.EventFrame) -> None:
        if frame.HasField("gap"):
            self.complaints.append(f"{self.name} was told of a gap: {frame.gap}")
        self._cursor = frame.cursor
        if frame.HasField("event"):
            async with self.arrived:
                self.events.append(frame.event)
                self.arrived.notify_all()

    def _is_final(self) -> bool:
        changes = [e.task_state_changed for e in self.events if e.HasField("task_state_changed")]
        return bool(changes) and changes[-1].state in FINAL


def on_project(callers: Sequence[Caller], project: str) -> Open:
    """Return what opens a subscription to everything in a project, at each replica in turn."""
    turns = itertools.cycle(callers)

    def open_from(cursor: str) -> AsyncIterable[Any]:
        request = subscription_service_pb2.SubscribeRequest(
            parent=project, cursor=cursor, from_start=not cursor
        )
        return next(turns).subscriptions.Subscribe(request)  # type: ignore[no-any-return]

    return open_from


def on_task(callers: Sequence[Caller], task: str) -> Open:
    """Return what watches a task from its beginning, at each replica in turn."""
    turns = itertools.cycle(callers)

    def open_from(cursor: str) -> AsyncIterable[Any]:
        request = task_service_pb2.WatchTaskRequest(name=task, cursor=cursor)
        return next(turns).tasks.WatchTask(request)  # type: ignore[no-any-return]

    return open_from


async def _unless_quiet(call: Any) -> AsyncIterator[frame_pb2.EventFrame]:
    """Yield a stream's frames; TimeoutError where none comes for long."""
    try:
        while True:
            async with asyncio.timeout(QUIET_S):
                response = await call.read()
            if response is grpc.aio.EOF:
                return
            yield response.frame
    finally:
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError, grpc.aio.AioRpcError):
            await call.code()
