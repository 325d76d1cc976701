"""Where clients, groups and projects differ: what they may change, stand in, and hold."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic

from services.mesh.errors import AdjutantError
from services.mesh.names import collection_and_id, parent_of
from services.mesh.store import Collection, Guard, Look
from services.orchestrator.tasks.task import TASK_STATES, TASKS
from services.orchestrator.tenancy.client import CLIENTS, ClientRecord
from services.orchestrator.tenancy.group import GROUPS, GroupRecord
from services.orchestrator.tenancy.mask import NODE_PATHS, PROJECT_PATHS
from services.orchestrator.tenancy.node import ACTIVE, N, active
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord

UNFINISHED: Final = tuple(s for s in TASK_STATES.transitions if not TASK_STATES.is_final(s))


@dataclass(frozen=True)
class Kind(Generic[N]):
    """What is particular to clients, groups or projects."""

    noun: str
    """Name of the field that holds it in requests and answers."""
    collection: Collection[N]
    paths: tuple[str, ...]
    """What an update mask may name."""
    check: Callable[[Look, N], None]
    """Raises where a record may not stand as it is."""
    content: Callable[[Look, str], str]
    """Says what one still holds that must be removed first; empty for nothing."""

    def check_empty(self, look: Look, name: str) -> None:
        """Raise NOT_EMPTY where it still holds something."""
        if rest := self.content(look, name):
            raise AdjutantError("NOT_EMPTY", f"{name} still holds {rest}.")


def _stands_anywhere(_: Look, __: ClientRecord) -> None:
    """Clients are in the mesh itself."""


def _stands_in_client(look: Look, record: GroupRecord | ProjectRecord) -> None:
    client = parent_of(record.name)
    active(look.find(CLIENTS, client), client)


def _stands_in_group(look: Look, record: ProjectRecord) -> None:
    _stands_in_client(look, record)
    if not record.group:
        return
    if parent_of(record.group) != parent_of(record.name):
        raise AdjutantError(
            "INVALID_REQUEST",
            "A project and its group belong to the same client; name a group of this one.",
            field="project.group",
        )
    active(look.find(GROUPS, record.group), record.group)


def _below_client(look: Look, name: str) -> str:
    where = {"parent": (name,), "state": (ACTIVE,)}
    for collection in (PROJECTS, GROUPS):
        if look.holds(collection, where):
            return f"{collection.name}; delete those first"
    return ""


def _in_group(look: Look, name: str) -> str:
    where = {"group": (name,), "state": (ACTIVE,)}
    return "projects; delete them or move them out first" if look.holds(PROJECTS, where) else ""


def _in_project(look: Look, name: str) -> str:
    where = {"parent": (name,), "state": UNFINISHED}
    return "tasks that have not ended; cancel them first" if look.holds(TASKS, where) else ""


def stands(name: str) -> Guard:
    """Return the guard of what is made in a client, group or project: it must exist. NOT_FOUND."""
    collection = KINDS[collection_and_id(name)[0]].collection

    def guard(look: Look) -> None:
        active(look.find(collection, name), name)

    return guard


CLIENT: Final = Kind("client", CLIENTS, NODE_PATHS, _stands_anywhere, _below_client)
GROUP: Final = Kind("group", GROUPS, NODE_PATHS, _stands_in_client, _in_group)
PROJECT: Final = Kind("project", PROJECTS, PROJECT_PATHS, _stands_in_group, _in_project)
KINDS: Final[dict[str, Kind[Any]]] = {
    kind.collection.name: kind for kind in (CLIENT, GROUP, PROJECT)
}
