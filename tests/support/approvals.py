"""What tests do with approvals again and again."""

import asyncio
from typing import Any

from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import (
    approval_action_pb2,
    approval_pb2,
    project_pb2,
    project_service_pb2,
    settings_pb2,
)
from adjutant.orchestrator.v1 import approval_service_pb2 as pb
from tests.support.mesh import PROJECT, Caller

DENY, APPROVE = pb.DecideApprovalRequest.DECISION_DENY, pb.DecideApprovalRequest.DECISION_APPROVE
CHOOSE = pb.DecideApprovalRequest.DECISION_CHOOSE


def tool(name: str = "write_file", **arguments: str) -> approval_action_pb2.ToolAction:
    """Return what an agent wants to do."""
    given = [approval_action_pb2.ToolArgument(name=k, value=v) for k, v in arguments.items()]
    return approval_action_pb2.ToolAction(tool_name=name, arguments=given)


async def request(
    caller: Caller, action: approval_action_pb2.ToolAction | None = None, **fields: Any
) -> approval_pb2.Approval:
    """Ask whether a tool may be used."""
    asked = pb.RequestApprovalRequest(parent=PROJECT, tool=action or tool(), **fields)
    return (await caller.approvals.RequestApproval(asked)).approval  # type: ignore[no-any-return]


async def get(caller: Caller, name: str) -> approval_pb2.Approval:
    """Return an approval."""
    found = await caller.approvals.GetApproval(pb.GetApprovalRequest(name=name))
    return found.approval  # type: ignore[no-any-return]


async def listed(caller: Caller, text: str = "") -> list[approval_pb2.Approval]:
    """Return the approvals that a filter keeps, the oldest first."""
    asked = pb.ListApprovalsRequest(parent=PROJECT, filter=text, order_by="create_time asc")
    return list((await caller.approvals.ListApprovals(asked)).approvals)


async def answer(
    caller: Caller, name: str, decision: Any = APPROVE, **fields: Any
) -> approval_pb2.Approval:
    """Answer an approval."""
    decided = pb.DecideApprovalRequest(name=name, decision=decision, **fields)
    return (await caller.approvals.DecideApproval(decided)).approval  # type: ignore[no-any-return]


async def choose(caller: Caller, task: str, choice: str) -> approval_pb2.Approval:
    """Take a choice of what a task asks."""
    approval = await caller.pending_approval(task)
    return await answer(caller, approval.name, CHOOSE, choice_id=choice)


async def settle(caller: Caller, **settings: Any) -> None:
    """Change the project's settings."""
    project = project_pb2.Project(settings=settings_pb2.Settings(**settings))
    changed = project_service_pb2.UpdateProjectRequest(name=PROJECT, project=project)
    await caller.projects.UpdateProject(changed)


async def heard(caller: Caller, resource: str, *kinds: str, timeout_s: float = 30) -> list[Any]:
    """Return the payloads of a resource's events, in order, when there was one of each kind."""
    found: list[event_pb2.Event] = []
    asked = subscription_service_pb2.SubscribeRequest(parent=PROJECT, from_start=True)
    async with asyncio.timeout(timeout_s):
        async for response in caller.subscriptions.Subscribe(asked):
            event = response.frame.event
            if event.resource == resource:
                found.append(event)
            if {event.WhichOneof("payload") for event in found} >= set(kinds):
                break
    return [getattr(event, event.WhichOneof("payload") or "") for event in found]
