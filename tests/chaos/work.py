"""One piece of work: what was asked for, what was accepted, and what its steps left behind."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import (
    approval_pb2,
    approval_service_pb2,
    task_pb2,
    task_service_pb2,
)
from tests.chaos import user
from tests.chaos.witness import Listener, on_task
from tests.support.mesh import FINAL, Caller

if TYPE_CHECKING:
    from tests.chaos.kinds import Kind


@dataclass
class Work:
    """A task as the person sees it who handed it in."""

    key: str
    """Request id and title."""
    kind: "Kind"
    project: str
    marks: Path
    """Folder in which each step writes down that it began and that it was done."""
    repository: Path
    caller: Caller
    chance: random.Random
    task: str = ""
    """Name; empty until it was accepted."""
    complaints: list[str] = field(default_factory=list)
    _listener: Listener | None = None

    @property
    def listener(self) -> Listener:
        """Who watches the task."""
        if self._listener is None:
            self._listener = Listener(
                f"who watches {self.key} ({self.task})", on_task(self.caller, self.task)
            )
        return self._listener

    def step(self, title: str, *, sleep_s: float, then: str = "true", after: str = "") -> str:
        """Return a step for a plan, which writes down its run when it begins and when it is done.

        `then` is what it does in between.
        """
        file = self.marks / title
        lines = [f"- [ ] {title}", *([f"  after: {after}"] if after else [])]
        mark = f'echo "begun $ADJUTANT_RUN" >> {file}; sleep {sleep_s:.2f}; {then} || exit 1; '
        return "\n".join([*lines, f'  run: {mark}echo "done $ADJUTANT_RUN" >> {file}', ""])

    def marked(self, step: str, what: str) -> list[str]:
        """Return the runs that wrote down `begun`, or `done`, for a step."""
        file = self.marks / step
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split()[1] for line in lines if line.startswith(what)]

    def steps(self) -> Sequence[str]:
        """Return the steps that began."""
        return sorted(path.name for path in self.marks.iterdir() if path.is_file())

    async def submit(self) -> None:
        """Hand it in."""
        self.marks.mkdir(parents=True)
        request = task_service_pb2.SubmitTaskRequest(
            parent=self.project,
            request_id=self.key,
            title=self.key,
            instructions=self.kind.plan(self),
        )
        if self.kind.commits:
            request.repository.uri = str(self.repository)
        response: task_service_pb2.SubmitTaskResponse = await user.call(
            self.caller.tasks.SubmitTask, request
        )
        self.task = response.task.name

    async def now(self) -> task_pb2.Task:
        """Return the task as it is."""
        request = task_service_pb2.GetTaskRequest(name=self.task)
        response: task_service_pb2.GetTaskResponse = await user.call(
            self.caller.tasks.GetTask, request
        )
        return response.task

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
            self.caller.approvals.ListApprovals, request
        )
        for approval in listed.approvals:
            await self._decide(approval, decision)

    async def _decide(self, approval: approval_pb2.Approval, decision: int) -> None:
        request = approval_service_pb2.DecideApprovalRequest(
            name=approval.name,
            decision=decision,  # type: ignore[arg-type]
            action_digest=approval.action_digest,
        )
        await user.call(self.caller.approvals.DecideApproval, request)


def is_final(event: event_pb2.Event) -> bool:
    """Tell whether a task has ended with this."""
    return event.task_state_changed.state in FINAL
