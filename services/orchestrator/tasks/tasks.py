"""What callers do with tasks."""

from collections.abc import Callable

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import task_pb2, task_service_pb2
from services.mesh import telemetry
from services.mesh.access.caller import actor
from services.mesh.access.rights import Rights
from services.mesh.names import child, new_id
from services.mesh.secrets.user_info import refuse_user_info
from services.mesh.store import Look, Page, RequestKey, Store, now
from services.orchestrator.choices import APPROVAL_POLICIES, ESCALATION_POLICIES
from services.orchestrator.plans.planner import Planned, Planner
from services.orchestrator.queues import rank
from services.orchestrator.queues.queues import queue_of
from services.orchestrator.requests import request_key
from services.orchestrator.tasks.branches import check_branch
from services.orchestrator.tasks.lifecycle import cancel_task, retry_task
from services.orchestrator.tasks.task import (
    TASKS,
    RepositoryRecord,
    TaskRecord,
    announce_task,
)
from services.orchestrator.tenancy.effective import Inheritance
from services.orchestrator.tenancy.node import active
from services.orchestrator.tenancy.project import PROJECTS


class Tasks:
    """Accepts, lists, cancels and retries tasks."""

    def __init__(
        self,
        store: Store,
        wake: Callable[[str], None],
        inheritance: Inheritance,
        rights: Rights,
        planner: Planner,
    ) -> None:
        self._store = store
        self._wake = wake
        self._inheritance = inheritance
        self._rights = rights
        self._planner = planner

    async def submit(
        self, request: task_service_pb2.SubmitTaskRequest, *, session: str = ""
    ) -> TaskRecord:
        """Accept a task, of a chat session where one is named.

        INVALID_PLAN, PLAN_CYCLE, PLAN_REQUIRED, INVALID_REQUEST, REQUEST_ID_REUSED, NOT_FOUND;
        PERMISSION_DENIED where it is approved in advance by who may not approve.
        """
        planned = await self.check(request)
        key = request_key(request.parent, request)
        return await self.hand_in(request, actor(), key, planned, session)

    async def check(self, request: task_service_pb2.SubmitTaskRequest) -> Planned:
        """Raise what `submit` would, of the request alone and of who calls; accept nothing.

        Returns the plan that would be run.
        """
        planned = await self._planner.plan(request.parent, request.instructions, request.title)
        check_branch(request.repository.branch, "repository.branch")
        refuse_user_info(request.repository.uri, "repository.uri")
        if request.approval_policy == task_pb2.APPROVAL_POLICY_APPROVE:
            # A program that may not answer approvals must not get around them either.
            self._rights.require(access_pb2.PERMISSION_APPROVALS_DECIDE, request.parent)
        return planned

    async def hand_in(
        self,
        request: task_service_pb2.SubmitTaskRequest,
        submitter: str,
        key: RequestKey,
        planned: Planned | None = None,
        session: str = "",
    ) -> TaskRecord:
        """Accept a task that was checked before, in somebody's name; once for each key.

        INVALID_PLAN and its kin, REQUEST_ID_REUSED, NOT_FOUND.
        """
        planned = planned or await self._planner.plan(
            request.parent, request.instructions, request.title
        )
        rules = await self._inheritance.approval_rules(request.parent)
        time = now()
        repository = request.repository
        record = TaskRecord(
            name=child(request.parent, "tasks", new_id()),
            create_time=time,
            update_time=time,
            news_time=time,
            title=planned.plan.title,
            given_title=request.title,
            plan_cached=planned.cached,
            instructions=request.instructions,
            repository=RepositoryRecord(
                uri=repository.uri, revision=repository.revision, branch=repository.branch
            )
            if request.HasField("repository")
            else None,
            approval_policy=APPROVAL_POLICIES.get(request.approval_policy, rules.approval_policy),
            escalation_policy=ESCALATION_POLICIES.get(
                request.escalation_policy, rules.escalation_policy
            ),
            max_step_iterations=rules.max_step_iterations or 0,
            cost_limit=rules.cost_limit,
            plan_approval_complexity=rules.plan_approval_complexity,
            inherits_policy=request.approval_policy == task_pb2.APPROVAL_POLICY_UNSPECIFIED,
            max_parallel_steps=request.max_parallel_steps
            or await self._inheritance.max_parallel_steps(request.parent),
            failure_policy="KEEP"
            if request.failure_policy == task_pb2.FAILURE_POLICY_KEEP
            else "FAIL",
            session=session,
            submitter=submitter,
            queue=queue_of(request.queue),
            rank=rank.at(time),
            trace=telemetry.inject(),
        )
        inserted = await self._store.insert(
            TASKS,
            record,
            events=[announce_task(record)],
            request=key,
            guard=lambda look: _check_project(look, request.parent),
        )
        self._wake(inserted.record.name)
        return inserted.record

    async def get(self, name: str) -> TaskRecord:
        """Return a task. NOT_FOUND."""
        return await self._store.get(TASKS, name)

    async def page(self, request: task_service_pb2.ListTasksRequest) -> Page[TaskRecord]:
        """Return a page of tasks. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            TASKS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def cancel(self, name: str) -> TaskRecord:
        """Ask a task to end. NOT_FOUND, ILLEGAL_TRANSITION."""
        record = await self._store.update(TASKS, name, cancel_task)
        self._wake(name)
        return record

    async def retry(self, name: str, request_id: str) -> TaskRecord:
        """Queue a task again. NOT_FOUND, ILLEGAL_TRANSITION."""
        record = await self._store.update(TASKS, name, lambda task: retry_task(task, request_id))
        self._wake(name)
        return record


def _check_project(look: Look, name: str) -> None:
    """Refuse work in a project that does not exist, or is removed at this moment."""
    active(look.find(PROJECTS, name), name)
