"""What the caller of the call under way may do, where the contract's permission is not enough."""

from collections.abc import Iterable
from typing import Protocol

from services.mesh.access.authorizer import denied
from services.mesh.access.caller import current_call
from services.mesh.errors import AdjutantError
from services.mesh.identity import Kind, Principal


class Grants(Protocol):
    """Knows who may do what: the authorizer."""

    def permissions(self, principal: Principal, resource: str) -> frozenset[int]:
        """Return everything that a principal may do on a resource."""


class Rights:
    """Of whoever calls. Outside of a call nobody has any."""

    def __init__(self, grants: Grants) -> None:
        self._grants = grants

    def held(self, resource: str) -> frozenset[int]:
        """Return everything that the caller may do on a resource."""
        call = current_call()
        return self._grants.permissions(call.principal, resource) if call else frozenset()

    def require(self, permission: int, resource: str) -> None:
        """Raise PERMISSION_DENIED unless the caller may do something on a resource."""
        if permission not in self.held(resource):
            raise denied()

    def require_of_others(self, permission: int, resource: str) -> None:
        """Raise PERMISSION_DENIED unless a service calls, or somebody who may do something."""
        call = current_call()
        if call is None or call.principal.kind is not Kind.SERVICE:
            self.require(permission, resource)

    def require_to_give(self, permissions: Iterable[int], resource: str) -> None:
        """Raise PERMISSION_DENIED where somebody would get what the caller does not have."""
        if not frozenset(permissions) <= self.held(resource):
            raise AdjutantError(
                "PERMISSION_DENIED",
                "Nobody can give what they may not do themselves; choose a role or permissions "
                "that you have there.",
            )
