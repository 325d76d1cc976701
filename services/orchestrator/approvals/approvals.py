"""What callers do with approvals."""

from adjutant.agent_runner.v1.run_pb2 import Run
from adjutant.common.v1 import approval_pb2
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from services.mesh.access.caller import actor
from services.mesh.errors import AdjutantError, not_found
from services.mesh.store import Look, Page, Store
from services.orchestrator.adapters.runner import Runner
from services.orchestrator.approvals import metrics as approval_metrics
from services.orchestrator.approvals import wire as approval_messages
from services.orchestrator.approvals.action import ToolActionRecord, ToolArgumentRecord
from services.orchestrator.approvals.approval import APPROVALS, ApprovalRecord, Events
from services.orchestrator.approvals.asking import Asker, Question
from services.orchestrator.approvals.decision import decide, decided
from services.orchestrator.approvals.dismissal import Dismissal
from services.orchestrator.requests import request_key
from services.orchestrator.tasks.outcome import FINAL
from services.orchestrator.tasks.task import TASK_STATES, TASKS
from services.orchestrator.tenancy.node import active
from services.orchestrator.tenancy.project import PROJECTS


class Approvals:
    """Takes requests, lists approvals and takes answers."""

    def __init__(self, store: Store, asker: Asker, runner: Runner, dismissal: Dismissal) -> None:
        self._store = store
        self._asker = asker
        self._runner = runner
        self._dismissal = dismissal

    async def request(self, request: pb.RequestApprovalRequest) -> ApprovalRecord:
        """Ask whether a tool may be used. NOT_FOUND, ILLEGAL_TRANSITION, REQUEST_ID_REUSED."""
        task = await self._task_of(request)
        tool = request.tool
        arguments = [ToolArgumentRecord(name=one.name, value=one.value) for one in tool.arguments]
        risk = approval_pb2.Risk.Name(request.risk).removeprefix("RISK_")
        question = Question(
            parent=request.parent,
            title=f"Use {tool.tool_name}" + (f": {tool.summary}" if tool.summary else ""),
            action=ToolActionRecord(
                tool_name=tool.tool_name, summary=tool.summary, arguments=arguments
            ),
            requester=actor(),
            task=task,
            run=request.run,
            claim=risk,
        )

        def guard(look: Look) -> None:
            active(look.find(PROJECTS, request.parent), request.parent)
            if task:
                _check_goes_on(look, task)

        asked = await self._asker.ask(question, request_key(request.parent, request), guard)
        if request.run and _has_no_use(await self._runner.get(request.run)):
            # Its end may have been told before the question was there to be dismissed.
            await self._dismissal.of_run(request.run)
            return await self.get(asked.name)
        return asked

    async def _task_of(self, request: pb.RequestApprovalRequest) -> str:
        """Return the task that a request is for: its own, or its run's."""
        if not request.run:
            return request.task
        run = await self._runner.get(request.run)
        if run is None:
            raise not_found("run", request.run)
        if _has_no_use(run):
            await self._dismissal.of_run(request.run)  # of a call that was cut off half-way
            raise _has_ended("run", "run")
        if request.task and run.spec.task != request.task:
            message = "The run belongs to another task; leave the task out, it is known."
            raise AdjutantError("INVALID_REQUEST", message, field="task")
        return run.spec.task

    async def get(self, name: str) -> ApprovalRecord:
        """Return an approval. NOT_FOUND."""
        return await self._store.get(APPROVALS, name)

    async def page(self, request: pb.ListApprovalsRequest) -> Page[ApprovalRecord]:
        """Return a page of approvals. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            APPROVALS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def decide(self, request: pb.DecideApprovalRequest) -> ApprovalRecord:
        """Take an answer; the event of it wakes the task.

        NOT_FOUND, APPROVAL_DECIDED, APPROVAL_EXPIRED, ACTION_CHANGED, INVALID_EDIT, UNKNOWN_CHOICE.
        """
        decider, before = actor(), ""

        def change(approval: ApprovalRecord) -> Events | None:
            nonlocal before
            before = approval.state
            return decide(approval, request, decider)

        record = await self._store.update(APPROVALS, request.name, change)
        if before == "PENDING":
            approval_metrics.resolved(record)
        return record

    async def check(self, request: pb.DecideApprovalRequest) -> ApprovalRecord:
        """Raise what `decide` would, and APPROVAL_DECIDED where it was answered; answer nothing.

        Returns the approval as it is.
        """
        approval = await self.get(request.name)
        if decide(approval.model_copy(), request, actor()) is None:
            raise decided(approval)
        return approval

    async def decide_one(self, request: pb.DecideApprovalRequest) -> pb.DecisionResult:
        """Take an answer of a batch, and return what became of it."""
        try:
            record = await self.decide(request)
        except AdjutantError as error:
            status = error.to_status()  # bounded, and without credentials
            reason = f"ERROR_REASON_{error.reason}"
            failed = pb.DecisionError(reason=reason, message=status.message, field=error.field)
            return pb.DecisionResult(name=request.name, error=failed)
        return pb.DecisionResult(name=request.name, approval=approval_messages.approval(record))


def _has_no_use(run: Run | None) -> bool:
    """Tell whether nothing of a run waits for an answer."""
    return run is None or run.state in FINAL or run.state == run_states.RUN_STATE_UNSPECIFIED


def _check_goes_on(look: Look, name: str) -> None:
    """Refuse to ask for a task that does not exist or has ended."""
    task = look.find(TASKS, name)
    if task is None:
        raise not_found("task", name)
    if TASK_STATES.is_final(task.state) or task.state == "CANCELLING":
        raise _has_ended("task", "task")


def _has_ended(noun: str, field: str) -> AdjutantError:
    message = f"The {noun} has ended, or is about to; nobody needs the answer. Ask for another."
    return AdjutantError("ILLEGAL_TRANSITION", message, field=field)
