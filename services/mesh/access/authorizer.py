"""Decides who may do what, from roles and from what is known of the hierarchy."""

from collections.abc import Iterator
from typing import Final

from adjutant.common.v1 import access_pb2
from services.mesh.access.policy import Node
from services.mesh.access.replica import Replica
from services.mesh.access.roles import ROLES, SERVICES
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal

_P = access_pb2.Permission
MAX_REMEMBERED: Final = 100_000
"""Answers that are remembered until something changes."""
_NOTHING: Final[frozenset[int]] = frozenset()
_SERVICES_ALONE: Final = frozenset({_P.PERMISSION_CREDENTIALS_USE})
_ADMINISTRATOR: Final = frozenset(_P.values()) - _SERVICES_ALONE - {0}


class Authorizer:
    """Answers what a principal may do on a resource."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._allowed: set[tuple[object, ...]] = set()
        # Whatever changes may be what an answer depended on.
        replica.on_change(self._allowed.clear)

    async def require(self, principal: Principal, permission: int, resource: str) -> None:
        """Raise unless a principal may do something on a resource; empty means the mesh.

        PERMISSION_DENIED, the same whether the resource exists or not; NOT_FOUND where
        the project, group or client does not exist and an administrator asks; ACCESS_UNKNOWN.
        """
        if self.allows(principal, permission, resource):
            return
        # A role that was given a moment ago may not have come here yet.
        await self._replica.refresh(*(_nodes_of(resource)))
        if self._allows(principal, permission, resource):
            return
        missing = self._missing(resource)
        if missing and permission in self.permissions(principal, _above(missing)):
            raise _no_such(missing)
        raise denied()

    def check_fresh(self) -> None:
        """Raise ACCESS_UNKNOWN where what is known is too old to decide by."""
        self._replica.check_fresh()

    def permissions(self, principal: Principal, resource: str) -> frozenset[int]:
        """Return everything that a principal may do on a resource."""
        if principal.administrator:
            return _ADMINISTRATOR
        if principal.kind is Kind.SERVICE:
            return SERVICES.get(principal.name.removeprefix("services/"), _NOTHING)
        chain = list(self._chain(resource))
        if any(node.deleted for node in chain):
            return _NOTHING
        if principal.api_key:
            scope = principal.api_key.scope
            is_inside = any(node.name == scope for node in chain)
            return principal.api_key.permissions if is_inside else _NOTHING
        roles = (node.members.get(principal.name, "") for node in chain)
        return frozenset().union(*(ROLES.get(role, _NOTHING) for role in roles))

    def allows(self, principal: Principal, permission: int, resource: str) -> bool:
        """Tell whether a principal may for certain; where not, `require` says. ACCESS_UNKNOWN.

        The answer is that of the last time, where nothing has changed since.
        """
        self._replica.check_fresh()
        place = resource.split("/", 4)[:4]
        who = (principal.name, principal.administrator, principal.api_key)
        key = (*who, permission, *place)
        if key in self._allowed:
            return True
        if not self._allows(principal, permission, resource):
            return False
        if len(self._allowed) >= MAX_REMEMBERED:
            self._allowed.clear()
        self._allowed.add(key)
        return True

    def _allows(self, principal: Principal, permission: int, resource: str) -> bool:
        if permission == _P.PERMISSION_SELF:
            return True
        if permission not in self.permissions(principal, resource):
            return False
        return principal.kind is Kind.SERVICE or not self._missing(resource)

    def _missing(self, resource: str) -> str:
        """Return the nearest thing above a resource, or itself, that does not exist; or nothing."""
        for name in _nodes_of(resource):
            node = self._replica.node(name)
            if node is None or node.deleted:
                return name
        return ""

    def _chain(self, resource: str) -> Iterator[Node]:
        """Yield what is known of the client, group and project that a resource is in."""
        for name in _nodes_of(resource):
            node = self._replica.node(name)
            if node is None:
                continue
            yield node
            group = self._replica.node(node.group) if node.group else None
            if group:
                yield group


def denied() -> AdjutantError:
    """Return the refusal; it says nothing of what exists."""
    return AdjutantError(
        "PERMISSION_DENIED",
        "You may not do this there, or there is no such thing; `adjutant whoami` shows where you "
        "may do what, and an owner can give you a role.",
    )


def _nodes_of(resource: str) -> list[str]:
    """Return the names of the client, and of the group or project, that a resource is in or is."""
    parts = resource.split("/")
    found = ["/".join(parts[:2])] if len(parts) > 1 else []
    if len(parts) > 3 and parts[2] in ("projects", "groups"):
        found.append("/".join(parts[:4]))
    return found


def _above(name: str) -> str:
    """Return what a client, group or project is in; empty for a client: the mesh."""
    return "/".join(name.split("/")[:-2])


def _no_such(name: str) -> AdjutantError:
    kind = name.split("/")[-2].removesuffix("s")
    return AdjutantError(
        "NOT_FOUND",
        f"There is no {kind} named {name}; make it with `adjutant {kind}s create`, or look "
        "which exist.",
        field="name",
        metadata={"name": name},
    )
