"""Clients: customers or teams, apart from each other in everything."""

from typing import Final

from services.mesh.store import Collection
from services.orchestrator.tenancy.node import FIELDS, HIDDEN, NodeRecord


class ClientRecord(NodeRecord):
    """A stored client."""


CLIENTS: Final = Collection("clients", ClientRecord, FIELDS, HIDDEN, permanent=True)
