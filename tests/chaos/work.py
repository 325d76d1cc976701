"""One piece of work: what was asked for, what was accepted, and what its person does with it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from adjutant.common.v1 import queue_pb2
from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    approval_pb2,
    approval_service_pb2,
    task_service_pb2,
)
from tests.chaos import user
from tests.chaos.marks import Marks
from tests.chaos.witness import Listener, on_task
from tests.support.mesh import FINAL, Caller

if TYPE_CHECKING:
    from tests.chaos.kinds import Kind

_QUEUES: Final = (queue_pb2.TASK_QUEUE_FOREGROUND, queue_pb2.TASK_QUEUE_BACKGROUND)


@dataclass
class Work:
    """A task as the person sees it who handed it in."""

    key: str
    """Request id and title."""
    kind: "Kind"
    project: str
    marks: Marks
    repository: Path
    callers: Sequence[Caller]
    chance: random.Random
    task: str = ""
    """Name; empty until it was accepted."""
    told: list[str] = field(default_factory=list)
    """Names of the messages to it that were accepted."""
    complaints: list[str] = field(default_factory=list)
    _listener: Listener | None = None

    @property
    def listener(self) -> Listener:
        """Who watches the task."""
        if self._listener is None:
            self._listener = Listener(
                f"who watches {self.key} ({self.task})", on_task(self.callers, self.task)
            )
        return self._listener

    async def submit(self) -> None:
        """Hand it in."""
        request = task_service_pb2.SubmitTaskRequest(
            parent=self.project,
            request_id=self.key,
            title=self.key,
            instructions=self.kind.plan(self),
            queue=self.chance.choice(_QUEUES),
        )
        if self.kind.commits:
            request.repository.uri = str(self.repository)
        response: task_service_pb2.SubmitTaskResponse = await user.call(
            self.callers, "tasks.SubmitTask", request
        )
        self.task = response.task.name

    async def asked(self) -> bool:
        """Return when the task asks for an answer, and tell whether it does: it may have ended."""
        moment = await self.listener.until(
            lambda event: event.HasField("approval_requested") or is_final(event)
        )
        return not is_final(moment)

    async def answer(self, decision: int) -> None:
        """Answer whatever the task asks."""
        request = approval_service_pb2.ListApprovalsRequest(
            parent=self.project, filter=f'task = "{self.task}"'
        )
        listed: approval_service_pb2.ListApprovalsResponse = await user.call(
            self.callers, "approvals.ListApprovals", request
        )
        for approval in listed.approvals:
            await self._decide(approval, decision)

    async def _decide(self, approval: approval_pb2.Approval, decision: int) -> None:
        request = approval_service_pb2.DecideApprovalRequest(
            name=approval.name,
            decision=decision,  # type: ignore[arg-type]
            action_digest=approval.action_digest,
        )
        await user.call(self.callers, "approvals.DecideApproval", request)


def is_final(event: event_pb2.Event) -> bool:
    """Tell whether a task has ended with this."""
    return event.task_state_changed.state in FINAL
