"""Groups: projects of one client that share settings, connections and knowledge."""

from typing import Final

from services.mesh.store import Collection
from services.orchestrator.tenancy.node import FIELDS, HIDDEN, NodeRecord


class GroupRecord(NodeRecord):
    """A stored group."""


GROUPS: Final = Collection("groups", GroupRecord, FIELDS, HIDDEN, permanent=True)
