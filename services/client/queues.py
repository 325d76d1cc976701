"""Queues: the order in which tasks wait for a free slot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.common.v1 import TaskQueue
from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.streams import ReconnectPolicy, event_frames
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from adjutant_messages.adjutant.event.v1 import EventFrame

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.QueueService/"
_LIST = Method(_SERVICE, _PATH + "ListQueue", v1.ListQueueRequest, v1.ListQueueResponse)
_REORDER = Method(_SERVICE, _PATH + "ReorderTask", v1.ReorderTaskRequest, v1.ReorderTaskResponse)
_MOVE = Method(_SERVICE, _PATH + "MoveTask", v1.MoveTaskRequest, v1.MoveTaskResponse)
_WATCH = Method(_SERVICE, _PATH + "WatchQueues", v1.WatchQueuesRequest, v1.WatchQueuesResponse)


class Queues:
    """The queues of a project; `Adjutant.queues`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._parent = parent
        self._policy = policy

    async def list(
        self, queue: TaskQueue = TaskQueue.FOREGROUND, *, page_size: int = 100
    ) -> AsyncGenerator[v1.Task, None]:
        """Yield the tasks that wait in a queue, the next one first."""

        async def page(token: str) -> tuple[list[v1.Task], str]:
            request = v1.ListQueueRequest(
                parent=self._parent, queue=queue, page_size=page_size, page_token=token
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.tasks, answer.next_page_token

        async for task in pages(page):
            yield task

    async def reorder(self, name: str, *, before: str = "", etag: str = "") -> v1.Task:
        """Put a task before another one of its queue, or at the end; both by full name."""
        request = v1.ReorderTaskRequest(name=name, before=before, etag=etag)
        return present((await self._transport.unary(_REORDER, request)).task)

    async def move(
        self, name: str, queue: TaskQueue, *, before: str = "", etag: str = ""
    ) -> v1.Task:
        """Put a task into a queue: before one of its tasks, or at its end."""
        request = v1.MoveTaskRequest(name=name, queue=queue, before=before, etag=etag)
        return present((await self._transport.unary(_MOVE, request)).task)

    async def watch(
        self, *, cursor: str = "", heartbeats: bool = False
    ) -> AsyncGenerator[EventFrame, None]:
        """Yield the tasks that enter, leave and move, from `cursor` or from now on.

        It never ends by itself; a lost connection is taken up again where it was.
        """

        async def open_at(position: str) -> AsyncIterator[EventFrame]:
            request = v1.WatchQueuesRequest(parent=self._parent, cursor=position)
            async for answer in self._transport.stream(_WATCH, request):
                yield present(answer.frame)

        async for frame in event_frames(
            open_at, cursor, policy=self._policy, endless=True, heartbeats=heartbeats
        ):
            yield frame
