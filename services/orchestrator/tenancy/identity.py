"""Who the caller is, and where they may do what."""

from dataclasses import dataclass
from typing import Any, Final

from services.mesh.identity import Kind, Principal
from services.mesh.store import Collection, Store
from services.orchestrator.tenancy.api_key import API_KEYS
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.group import GROUPS
from services.orchestrator.tenancy.node import ACTIVE
from services.orchestrator.tenancy.project import PROJECTS

_HIERARCHY: Final[tuple[Collection[Any], ...]] = (CLIENTS, GROUPS, PROJECTS)


@dataclass(frozen=True)
class Grant:
    """A role on a resource and everything below it."""

    resource: str
    role: str


class Identities:
    """Finds the roles that somebody has."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def grants(self, principal: Principal) -> list[Grant]:
        """Return the roles of a principal, clients' first; a service has none."""
        if principal.kind is Kind.API_KEY:
            key = await self._store.find(API_KEYS, principal.name)
            return [Grant(key.scope, key.role)] if key else []
        if principal.kind is not Kind.USER:
            return []
        found = []
        for collection in _HIERARCHY:
            async for node in self._store.scan(collection, {"state": (ACTIVE,)}):
                if member := node.members.get(principal.name):
                    found.append(Grant(node.name, member.role))
        return found
