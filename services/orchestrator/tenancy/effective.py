"""What holds in a project when everything above it was asked: project, group, client."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.mesh.names import parent_of
from services.mesh.store import Store
from services.orchestrator.tasks.money import MoneyRecord
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.group import GROUPS, GroupRecord
from services.orchestrator.tenancy.node import ACTIVE, NodeRecord, active
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord

DEFAULT_POLICY: Final = "ASK"
DEFAULT_ESCALATION: Final = "FAIL"


@dataclass(frozen=True)
class Decided:
    """A setting, and who decided it."""

    value: Any
    source: str
    """Name of the project, group or client; empty where it is the default."""


@dataclass(frozen=True)
class Effective:
    """What holds in a project."""

    chain: tuple[str, ...]
    """Names of the project, its group if it is in one, and its client: nearest first."""
    approval_policy: Decided
    share_knowledge: Decided
    max_parallel_steps: Decided
    knowledge_projects: tuple[str, ...]
    """Names of the projects whose knowledge is seen from here, itself first."""


@dataclass(frozen=True)
class ApprovalRules:
    """What holds in a project for what its tasks ask; None is the orchestrator's own setting."""

    approval_policy: str
    auto_approve_low_risk: bool
    timeout_medium_s: float | None
    timeout_high_s: float | None
    escalation_policy: str
    max_step_iterations: int | None
    plan_approval_complexity: int | None
    cost_limit: MoneyRecord | None
    """What a task may cost; None where there is no limit."""


def decide(chain: Iterable[NodeRecord], field: str, default: Any) -> Decided:
    """Return a setting as the nearest says that says anything."""
    for node in chain:
        value = getattr(node.settings, field)
        if value is not None:
            return Decided(value, node.name)
    return Decided(default, "")


def shared_with(
    project: ProjectRecord,
    group: GroupRecord | None,
    client: NodeRecord,
    siblings: Iterable[ProjectRecord],
) -> tuple[str, ...]:
    """Return the projects whose knowledge a project sees: itself, and those that share with it."""
    if group is None:
        return (project.name,)
    above = (group, client)
    sharing = (
        other.name
        for other in siblings
        if other.is_active
        and other.name != project.name
        and other.group == group.name
        and decide((other, *above), "share_knowledge", False).value
    )
    return (project.name, *sorted(sharing))


class Inheritance:
    """Reads what holds in projects."""

    def __init__(self, store: Store, max_parallel_steps: int) -> None:
        """Take what holds where nobody decided it."""
        self._store = store
        self._max_parallel_steps = max_parallel_steps

    async def effective(self, name: str) -> Effective:
        """Return what holds in a project. NOT_FOUND."""
        project, group, client = await self._chain(name)
        chain = _without_none(project, group, client)
        siblings = await self._siblings(group)
        return Effective(
            chain=tuple(node.name for node in chain),
            approval_policy=decide(chain, "approval_policy", DEFAULT_POLICY),
            share_knowledge=decide(chain, "share_knowledge", False),
            max_parallel_steps=self._parallel(chain),
            knowledge_projects=shared_with(project, group, client, siblings),
        )

    async def approval_rules(self, name: str) -> ApprovalRules:
        """Return what holds in a project for what its tasks ask. NOT_FOUND."""
        chain = _without_none(*await self._chain(name))

        def held(field: str, default: Any = None) -> Any:
            return decide(chain, field, default).value

        return ApprovalRules(
            approval_policy=held("approval_policy", DEFAULT_POLICY),
            auto_approve_low_risk=held("auto_approve_low_risk", False),
            timeout_medium_s=held("approval_timeout_medium_s"),
            timeout_high_s=held("approval_timeout_high_s"),
            escalation_policy=held("escalation_policy", DEFAULT_ESCALATION),
            max_step_iterations=held("max_step_iterations"),
            plan_approval_complexity=held("plan_approval_complexity"),
            cost_limit=held("cost_limit"),
        )

    async def max_parallel_steps(self, name: str) -> int:
        """Return how many runs of one task of a project may be under way. NOT_FOUND."""
        return int(self._parallel(_without_none(*await self._chain(name))).value)

    def _parallel(self, chain: Iterable[NodeRecord]) -> Decided:
        return decide(chain, "max_parallel_steps", self._max_parallel_steps)

    async def chain(self, name: str) -> tuple[str, ...]:
        """Return the names of a project, its group if it is in one, and its client. NOT_FOUND."""
        return tuple(node.name for node in _without_none(*await self._chain(name)))

    async def _chain(self, name: str) -> tuple[ProjectRecord, GroupRecord | None, NodeRecord]:
        project = active(await self._store.find(PROJECTS, name), name)
        client_name = parent_of(name)
        client = active(await self._store.find(CLIENTS, client_name), client_name)
        group = await self._store.find(GROUPS, project.group) if project.group else None
        return project, group if group and group.is_active else None, client

    async def _siblings(self, group: GroupRecord | None) -> list[ProjectRecord]:
        if group is None:
            return []
        where = {"group": (group.name,), "state": (ACTIVE,)}
        return [project async for project in self._store.scan(PROJECTS, where)]


def _without_none(
    project: ProjectRecord, group: GroupRecord | None, client: NodeRecord
) -> Sequence[NodeRecord]:
    return (project, group, client) if group else (project, client)
