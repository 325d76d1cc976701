"""A double of a mesh: one real grpc.aio server that answers from memory.

It stands in for the services where a test is about the caller: lost
connections, drains and slow readers happen here at the frame that the test
names, which no real service can be made to do.
"""

import asyncio
import collections
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.event.v1 import event_pb2, frame_pb2, task_events_pb2
from adjutant.notification.v1 import subscription_service_pb2, subscription_service_pb2_grpc
from adjutant.orchestrator.v1 import (
    approval_action_pb2,
    approval_pb2,
    approval_service_pb2,
    approval_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)

PROJECT = "clients/default/projects/default"

Context = grpc.aio.ServicerContext[Any, Any]


async def refuse(
    context: Context,
    code: grpc.StatusCode,
    reason: str,
    message: str,
    *,
    violations: dict[str, str] | None = None,
    metadata: dict[str, str] | None = None,
) -> None:
    """Abort a call as the contract says that errors look."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain="adjutant", metadata=metadata)
    details = [info]
    if violations:
        bad = error_details_pb2.BadRequest()
        for field, description in violations.items():
            bad.field_violations.add(field=field, description=description)
        details.append(bad)
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    trailer = (("grpc-status-details-bin", status.SerializeToString()),)
    await context.abort(code, message, trailing_metadata=trailer)


def _task_state(name: str) -> task_states.TaskState:
    return cast("task_states.TaskState", task_states.TaskState.Value(f"TASK_STATE_{name}"))


Cut = tuple[int, grpc.StatusCode, str]
"""After so many frames, end a stream with this code and reason; OK ends it in peace."""


class MeshDouble(
    task_service_pb2_grpc.TaskServiceServicer,
    approval_service_pb2_grpc.ApprovalServiceServicer,
    run_service_pb2_grpc.RunServiceServicer,
    subscription_service_pb2_grpc.SubscriptionServiceServicer,
):
    """Tasks, approvals, runs and events in memory, served on a port of its own."""

    def __init__(self) -> None:
        self.address = ""
        self.tasks: dict[str, task_pb2.Task] = {}
        self.approvals: dict[str, approval_pb2.Approval] = {}
        self.runs: dict[str, run_pb2.Run] = {}
        self.output: dict[str, bytes] = {}
        self.patches: dict[str, bytes] = {}
        self.events: list[event_pb2.Event] = []
        self.cuts: collections.deque[Cut] = collections.deque()
        self.failing_calls = 0
        self.metadata: list[dict[str, str]] = []
        self.requests: list[Any] = []
        self.calls: list[str] = []
        self.on_submit: Callable[[task_pb2.Task], None] = lambda task: None
        self.on_decide: Callable[[approval_pb2.Approval], None] = lambda approval: None
        self._grown = asyncio.Condition()
        self._server: grpc.aio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        task_service_pb2_grpc.add_TaskServiceServicer_to_server(self, self._server)
        approval_service_pb2_grpc.add_ApprovalServiceServicer_to_server(self, self._server)
        run_service_pb2_grpc.add_RunServiceServicer_to_server(self, self._server)
        subscription_service_pb2_grpc.add_SubscriptionServiceServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.stop(None)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    # What a test writes.

    def add_task(self, task_id: str, state: str = "COMPLETED", **fields: Any) -> task_pb2.Task:
        name = f"{PROJECT}/tasks/{task_id}"
        value = _task_state(state)
        self.tasks[name] = task_pb2.Task(name=name, state=value, **fields)
        return self.tasks[name]

    def add_run(self, run_id: str, output: bytes = b"", patch: bytes = b"") -> run_pb2.Run:
        name = f"{PROJECT}/runs/{run_id}"
        run = run_pb2.Run(name=name, state=run_states.RUN_STATE_SUCCEEDED)
        self.runs[name], self.output[name], self.patches[name] = run, output, patch
        return run

    def add_approval(self, approval_id: str, task: str = "") -> approval_pb2.Approval:
        name = f"{PROJECT}/approvals/{approval_id}"
        self.approvals[name] = approval_pb2.Approval(
            name=name,
            task=task,
            state=approval_states.APPROVAL_STATE_PENDING,
            title="Commit 1 file to main",
            action_digest="d" * 64,
            commit=approval_action_pb2.CommitAction(branch="main", changed_files=["a.txt"]),
        )
        return self.approvals[name]

    def add_event(self, resource: str, **payload: Any) -> None:
        number = len(self.events) + 1
        event = event_pb2.Event(event_id=f"event-{number}", resource=resource, **payload)
        if "/tasks/" in resource:
            event.task = resource
        field = event_pb2.Event.DESCRIPTOR.fields_by_name[event.WhichOneof("payload") or ""]
        event.kind = cast("event_pb2.EventKind", field.number)
        event.time.GetCurrentTime()
        self.events.append(event)

    def add_state(self, task: str, state: str) -> None:
        value = _task_state(state)
        self.add_event(task, task_state_changed=task_events_pb2.TaskStateChanged(state=value))
        if task in self.tasks:
            self.tasks[task].state = value

    async def announce(self) -> None:
        async with self._grown:
            self._grown.notify_all()

    # What the services do.

    async def _seen(self, request: Any, context: Context) -> None:
        self.requests.append(request)
        self.calls.append(type(request).__name__.removesuffix("Request"))
        self.metadata.append({k: str(v) for k, v in context.invocation_metadata() or ()})
        if self.failing_calls:
            self.failing_calls -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "not now")

    async def SubmitTask(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        if "- [ ]" not in request.instructions:
            await refuse(
                context,
                grpc.StatusCode.INVALID_ARGUMENT,
                "PLAN_REQUIRED",
                "the text holds no checklist",
                violations={"instructions": "no item"},
            )
        for task in self.tasks.values():
            if task.etag == request.request_id:
                return task_service_pb2.SubmitTaskResponse(task=task)
        task = self.add_task(f"task-{len(self.tasks) + 1}", "QUEUED", title="A plan")
        task.etag = request.request_id
        task.instructions = request.instructions
        task.repository.CopyFrom(request.repository)
        self.add_state(task.name, "QUEUED")
        self.on_submit(task)
        return task_service_pb2.SubmitTaskResponse(task=task)

    async def _find(self, kept: dict[str, Any], name: str, context: Context) -> Any:
        if name not in kept:
            await refuse(context, grpc.StatusCode.NOT_FOUND, "NOT_FOUND", f"there is no {name}")
        return kept[name]

    async def GetTask(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        task = await self._find(self.tasks, request.name, context)
        return task_service_pb2.GetTaskResponse(task=task)

    async def ListTasks(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        first = int(request.page_token or 0)
        tasks = list(reversed(self.tasks.values()))
        following = first + (request.page_size or 50)
        return task_service_pb2.ListTasksResponse(
            tasks=tasks[first:following],
            next_page_token=str(following) if following < len(tasks) else "",
        )

    async def CancelTask(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        task = await self._find(self.tasks, request.name, context)
        task.state = task_states.TASK_STATE_CANCELLING
        return task_service_pb2.CancelTaskResponse(task=task)

    async def RetryTask(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        task = await self._find(self.tasks, request.name, context)
        if task.state != task_states.TASK_STATE_FAILED:
            await refuse(
                context,
                grpc.StatusCode.FAILED_PRECONDITION,
                "ILLEGAL_TRANSITION",
                "the task did not fail",
            )
        task.state = task_states.TASK_STATE_QUEUED
        return task_service_pb2.RetryTaskResponse(task=task)

    async def EstimateTask(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        return task_service_pb2.EstimateTaskResponse(title=request.title or "planned")

    async def WatchTask(self, request: Any, context: Context) -> AsyncIterator[Any]:
        await self._seen(request, context)
        await self._find(self.tasks, request.name, context)

        async for frame in self._frames(request.cursor, context, request.name):
            yield task_service_pb2.WatchTaskResponse(frame=frame)

    async def Subscribe(self, request: Any, context: Context) -> AsyncIterator[Any]:
        await self._seen(request, context)
        async for frame in self._frames(request.cursor, context, ""):
            yield subscription_service_pb2.SubscribeResponse(frame=frame)

    async def _frames(
        self, cursor: str, context: Context, task: str
    ) -> AsyncIterator[frame_pb2.EventFrame]:
        position = int(cursor or 0)
        code, reason, live = None, "", False
        left = -1
        if self.cuts:
            left, code, reason = self.cuts.popleft()
        while True:
            if left == 0:
                break
            left -= 1
            if position < len(self.events):
                event = self.events[position]
                position += 1
                yield frame_pb2.EventFrame(cursor=str(position), event=event)
                if task and self._is_final(event):
                    return
            elif not live:
                live = True
                yield frame_pb2.EventFrame(cursor=str(position), live=frame_pb2.Live())
            else:
                async with self._grown:
                    await self._grown.wait()
        if code is not None and code is not grpc.StatusCode.OK:
            await refuse(context, code, reason, "cut by the test")

    @staticmethod
    def _is_final(event: event_pb2.Event) -> bool:
        return event.HasField("task_state_changed") and event.task_state_changed.state in (
            task_states.TASK_STATE_COMPLETED,
            task_states.TASK_STATE_FAILED,
            task_states.TASK_STATE_CANCELLED,
        )

    async def ListApprovals(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        return approval_service_pb2.ListApprovalsResponse(approvals=self.approvals.values())

    async def GetApproval(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        approval = await self._find(self.approvals, request.name, context)
        return approval_service_pb2.GetApprovalResponse(approval=approval)

    async def DecideApproval(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        approval = await self._find(self.approvals, request.name, context)
        approve = approval_service_pb2.DecideApprovalRequest.DECISION_APPROVE
        approval.state = (
            approval_states.APPROVAL_STATE_APPROVED
            if request.decision == approve
            else approval_states.APPROVAL_STATE_DENIED
        )
        approval.reason = request.reason
        self.on_decide(approval)
        await self.announce()
        return approval_service_pb2.DecideApprovalResponse(approval=approval)

    async def BatchDecideApprovals(self, request: Any, context: Context) -> Any:
        results = []
        for one in request.requests:
            answer = await self.DecideApproval(one, context)
            results.append({"name": one.name, "approval": answer.approval})
        return approval_service_pb2.BatchDecideApprovalsResponse(results=results)

    async def RequestApproval(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        made = self.add_approval(f"asked-{len(self.approvals)}", request.task)
        made.tool.CopyFrom(request.tool)
        return approval_service_pb2.RequestApprovalResponse(approval=made)

    async def GetApprovalStatistics(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        counts = collections.Counter(one.state for one in self.approvals.values())
        outcomes = [{"state": state, "count": count} for state, count in counts.items()]
        return approval_service_pb2.GetApprovalStatisticsResponse(
            statistics=approval_service_pb2.ApprovalStatistics(outcomes=outcomes)
        )

    async def GetRun(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        run = await self._find(self.runs, request.name, context)
        return run_service_pb2.GetRunResponse(run=run)

    async def ListRuns(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        return run_service_pb2.ListRunsResponse(runs=self.runs.values())

    async def StartRun(self, request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the double starts no runs")

    async def CancelRun(self, request: Any, context: Context) -> Any:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the double cancels no runs")

    async def WatchRun(self, request: Any, context: Context) -> AsyncIterator[Any]:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the double watches no runs")
        yield

    async def TailLogs(self, request: Any, context: Context) -> AsyncIterator[Any]:
        await self._seen(request, context)
        await self._find(self.runs, request.name, context)
        async for data, end in self._pieces(self.output[request.name], request, context):
            yield run_service_pb2.TailLogsResponse(data=data, next_offset_bytes=end)

    async def ReadArtifact(self, request: Any, context: Context) -> AsyncIterator[Any]:
        await self._seen(request, context)
        await self._find(self.runs, request.name, context)
        async for data, end in self._pieces(self.patches[request.name], request, context):
            yield run_service_pb2.ReadArtifactResponse(data=data, next_offset_bytes=end)

    async def _pieces(
        self, whole: bytes, request: Any, context: Context
    ) -> AsyncIterator[tuple[bytes, int]]:
        left, code, reason = self.cuts.popleft() if self.cuts else (-1, None, "")
        for offset in range(request.offset_bytes, len(whole), 4):
            if left == 0 and code is not None:
                await refuse(context, code, reason, "cut by the test")
            left -= 1
            yield whole[offset : offset + 4], min(offset + 4, len(whole))

    async def ReportRun(self, request: Any, context: Context) -> Any:
        await self._seen(request, context)
        if request.report_token != "secret":
            await refuse(
                context,
                grpc.StatusCode.PERMISSION_DENIED,
                "INVALID_REPORT_TOKEN",
                "the report token is not the run's",
            )
        return run_service_pb2.ReportRunResponse(cancel_requested=request.message == "cancel me")
