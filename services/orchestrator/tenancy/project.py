"""Projects: where work happens."""

from typing import Final

from services.mesh.store import Collection
from services.orchestrator.tenancy.node import FIELDS, HIDDEN, NodeRecord


class ProjectRecord(NodeRecord):
    """A stored project."""

    group: str = ""
    """Name of the group that it is in; empty where it is in none."""


PROJECTS: Final = Collection("projects", ProjectRecord, ("group", *FIELDS), HIDDEN, permanent=True)
