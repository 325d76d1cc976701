"""Tasks: hand in work, and follow it to its end."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.common.v1 import EscalationPolicy, TaskQueue
from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.streams import ReconnectPolicy, event_frames, until_reachable
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from adjutant_messages.adjutant.event.v1 import EventFrame

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.TaskService/"
_SUBMIT = Method(_SERVICE, _PATH + "SubmitTask", v1.SubmitTaskRequest, v1.SubmitTaskResponse)
_ESTIMATE = Method(
    _SERVICE, _PATH + "EstimateTask", v1.EstimateTaskRequest, v1.EstimateTaskResponse
)
_GET = Method(_SERVICE, _PATH + "GetTask", v1.GetTaskRequest, v1.GetTaskResponse)
_LIST = Method(_SERVICE, _PATH + "ListTasks", v1.ListTasksRequest, v1.ListTasksResponse)
_CANCEL = Method(_SERVICE, _PATH + "CancelTask", v1.CancelTaskRequest, v1.CancelTaskResponse)
_RETRY = Method(_SERVICE, _PATH + "RetryTask", v1.RetryTaskRequest, v1.RetryTaskResponse)
_WATCH = Method(_SERVICE, _PATH + "WatchTask", v1.WatchTaskRequest, v1.WatchTaskResponse)


class Tasks:
    """The tasks of a project; `Adjutant.tasks`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._parent = parent
        self._policy = policy

    async def submit(
        self,
        instructions: str,
        *,
        title: str = "",
        repository: v1.Repository | None = None,
        approval_policy: v1.ApprovalPolicy = v1.ApprovalPolicy.UNSPECIFIED,
        max_parallel_steps: int = 0,
        failure_policy: v1.FailurePolicy = v1.FailurePolicy.UNSPECIFIED,
        escalation_policy: EscalationPolicy = EscalationPolicy.UNSPECIFIED,
        queue: TaskQueue = TaskQueue.UNSPECIFIED,
        request_id: str = "",
    ) -> v1.Task:
        """Hand in a plan and return the accepted task, which survives any crash from then on.

        Unless `approval_policy` and `max_parallel_steps` say, the project's settings say who
        answers its approvals and how many of its runs may be under way. `failure_policy` says
        whether what succeeded is kept when a step fails, `escalation_policy` whether a person is
        asked when the task cannot go on by itself.
        `queue` is where it waits for a slot;
        FOREGROUND unless given.

        Repeating the call with the same `request_id` returns the same task; without one, an id is
        chosen that holds for this call and its retries.
        """
        request = v1.SubmitTaskRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            title=title,
            instructions=instructions,
            repository=repository,
            approval_policy=approval_policy,
            max_parallel_steps=max_parallel_steps,
            failure_policy=failure_policy,
            escalation_policy=escalation_policy,
            queue=queue,
        )
        return present((await self._transport.unary(_SUBMIT, request)).task)

    async def estimate(
        self, instructions: str, *, title: str = "", max_parallel_steps: int = 0
    ) -> v1.EstimateTaskResponse:
        """Return the plan that `submit` would run, and what past runs say that it will take."""
        request = v1.EstimateTaskRequest(
            parent=self._parent,
            title=title,
            instructions=instructions,
            max_parallel_steps=max_parallel_steps,
        )
        return await self._transport.unary(_ESTIMATE, request)

    async def get(self, name: str) -> v1.Task:
        """Return a task by its full name."""
        return present((await self._transport.unary(_GET, v1.GetTaskRequest(name=name))).task)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Task, None]:
        """Yield the project's tasks, newest first unless `order_by` says otherwise.

        `filter` is as in `state = "FAILED"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Task], str]:
            request = v1.ListTasksRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.tasks, answer.next_page_token

        async for task in pages(page):
            yield task

    async def cancel(self, name: str) -> v1.Task:
        """Ask a task to end; it is CANCELLED when none of its processes runs any more."""
        request = v1.CancelTaskRequest(name=name)
        return present((await self._transport.unary(_CANCEL, request)).task)

    async def retry(self, name: str, *, request_id: str = "") -> v1.Task:
        """Run a failed or cancelled task again, keeping the steps that succeeded."""
        request = v1.RetryTaskRequest(name=name, request_id=request_id or str(uuid.uuid4()))
        return present((await self._transport.unary(_RETRY, request)).task)

    async def watch(
        self, name: str, *, cursor: str = "", heartbeats: bool = False
    ) -> AsyncGenerator[EventFrame, None]:
        """Yield what happens to a task, its runs and its approvals.

        From `cursor` or its beginning on: first what was, then a LIVE frame, then what is; it
        ends after the task's final state.
        A lost connection is taken up again where it was, each event comes once.
        """

        async def open_at(position: str) -> AsyncIterator[EventFrame]:
            request = v1.WatchTaskRequest(name=name, cursor=position)
            async for answer in self._transport.stream(_WATCH, request):
                yield present(answer.frame)

        async for frame in event_frames(
            open_at, cursor, policy=self._policy, endless=False, heartbeats=heartbeats
        ):
            yield frame

    async def wait(self, name: str) -> v1.Task:
        """Return a task when it has reached a final state."""
        async for _ in self.watch(name):
            pass
        return await until_reachable(lambda: self.get(name), self._policy)
