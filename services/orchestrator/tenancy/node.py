"""What clients, groups and projects have in common."""

from collections.abc import Mapping
from typing import Final, TypeVar

from pydantic import BaseModel, Field

from adjutant.event.v1 import access_events_pb2, event_pb2
from services.mesh.errors import not_found
from services.mesh.events import new_event
from services.mesh.names import collection_and_id
from services.mesh.store import Record, UtcTime
from services.orchestrator.tasks.money import MoneyRecord

ACTIVE: Final = "ACTIVE"
DELETED: Final = "DELETED"
FIELDS: Final = ("display_name",)
HIDDEN: Final = ("state",)


class SettingsRecord(BaseModel):
    """What is decided for everything below; None is inherited from above."""

    approval_policy: str | None = None
    share_knowledge: bool | None = None
    auto_approve_low_risk: bool | None = None
    approval_timeout_medium_s: float | None = None
    approval_timeout_high_s: float | None = None
    escalation_policy: str | None = None
    max_step_iterations: int | None = None
    cost_limit: MoneyRecord | None = None
    max_parallel_steps: int | None = None
    plan_approval_complexity: int | None = None


class MemberRecord(BaseModel):
    """Somebody's role."""

    role: str
    """Without its prefix."""
    create_time: UtcTime
    """When they got it."""


class NodeRecord(Record):
    """A stored client, group or project. It stays when it is removed: ids are given once."""

    state: str = ACTIVE
    """ACTIVE or DELETED."""
    display_name: str = ""
    description: str = ""
    settings: SettingsRecord = Field(default_factory=SettingsRecord)
    members: dict[str, MemberRecord] = Field(default_factory=dict)
    """Principal to their role."""

    @property
    def is_active(self) -> bool:
        """Whether it was not removed."""
        return self.state == ACTIVE


N = TypeVar("N", bound=NodeRecord)
CHANGES: Final[Mapping[str, access_events_pb2.AccessChanged.Change]] = {
    "CREATED": access_events_pb2.AccessChanged.CHANGE_CREATED,
    "UPDATED": access_events_pb2.AccessChanged.CHANGE_UPDATED,
    "DELETED": access_events_pb2.AccessChanged.CHANGE_DELETED,
}


def announce(name: str, change: str) -> event_pb2.Event:
    """Return the event that says what happened to a client, group, project or key."""
    changed = access_events_pb2.AccessChanged(change=CHANGES[change])
    return new_event(resource=name, access_changed=changed)


def active(record: N | None, name: str) -> N:
    """Return a record that exists. NOT_FOUND where there is none, or it was removed."""
    if record is None or not record.is_active:
        raise not_found(collection_and_id(name)[0].removesuffix("s"), name)
    return record
