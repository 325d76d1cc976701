"""Clients, groups, projects, members and what holds in them, as the contract's messages."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from adjutant.common.v1 import money_pb2
from adjutant.orchestrator.v1 import (
    client_pb2,
    connection_pb2,
    group_pb2,
    member_pb2,
    project_pb2,
    project_service_pb2,
    settings_pb2,
)
from services.orchestrator import convert
from services.orchestrator.choices import APPROVAL_POLICIES, ESCALATION_POLICIES
from services.orchestrator.tenancy.effective import Effective
from services.orchestrator.tenancy.members import Membership
from services.orchestrator.tenancy.node import NodeRecord, SettingsRecord
from services.orchestrator.tenancy.project import ProjectRecord

_POLICIES: Final = {stored: policy for policy, stored in APPROVAL_POLICIES.items()}
_ESCALATIONS: Final = {stored: policy for policy, stored in ESCALATION_POLICIES.items()}


def client(record: NodeRecord) -> client_pb2.Client:
    """Return a client as the contract's."""
    return client_pb2.Client(**_fields(record))


def group(record: NodeRecord) -> group_pb2.Group:
    """Return a group as the contract's."""
    return group_pb2.Group(**_fields(record))


def project(record: ProjectRecord) -> project_pb2.Project:
    """Return a project as the contract's."""
    return project_pb2.Project(group=record.group, **_fields(record))


def member(item: Membership) -> member_pb2.Member:
    """Return a member as the contract's."""
    return member_pb2.Member(
        parent=item.parent,
        principal=item.principal,
        role=f"ROLE_{item.role}",
        create_time=convert.time(item.create_time),
    )


def effective(
    found: Effective, connections: Iterable[connection_pb2.Connection]
) -> project_service_pb2.EffectiveProject:
    """Return what holds in a project as the contract's."""
    return project_service_pb2.EffectiveProject(
        approval_policy=f"APPROVAL_POLICY_{found.approval_policy.value}",
        approval_policy_source=found.approval_policy.source,
        share_knowledge=found.share_knowledge.value,
        share_knowledge_source=found.share_knowledge.source,
        max_parallel_steps=found.max_parallel_steps.value,
        max_parallel_steps_source=found.max_parallel_steps.source,
        knowledge_projects=found.knowledge_projects,
        connections=connections,
    )


def _fields(record: NodeRecord) -> dict[str, Any]:
    return {
        "name": record.name,
        "display_name": record.display_name,
        "description": record.description,
        "settings": _settings(record.settings),
        "create_time": convert.time(record.create_time),
        "update_time": convert.time(record.update_time),
        "etag": record.etag,
    }


_PLAIN: Final = (
    "share_knowledge",
    "max_parallel_steps",
    "plan_approval_complexity",
    "auto_approve_low_risk",
    "max_step_iterations",
)


def _settings(record: SettingsRecord) -> settings_pb2.Settings:
    message = settings_pb2.Settings()
    for field in _PLAIN:
        if (value := getattr(record, field)) is not None:
            setattr(message, field, value)
    if record.approval_policy is not None:
        message.approval_policy = _POLICIES[record.approval_policy]
    if record.escalation_policy is not None:
        message.escalation_policy = _ESCALATIONS[record.escalation_policy]
    if record.approval_timeout_medium_s is not None:
        medium = timedelta(seconds=record.approval_timeout_medium_s)
        message.approval_timeout_medium.FromTimedelta(medium)
    if record.approval_timeout_high_s is not None:
        message.approval_timeout_high.FromTimedelta(
            timedelta(seconds=record.approval_timeout_high_s)
        )
    if record.cost_limit is not None:
        message.cost_limit.CopyFrom(money_pb2.Money(**record.cost_limit.model_dump()))
    return message
