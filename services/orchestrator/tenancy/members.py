"""Who is a member of a client, a group or a project."""

from typing import Any

from services.mesh.access.rights import Rights
from services.mesh.access.roles import ROLES
from services.mesh.errors import AdjutantError
from services.mesh.names import collection_and_id
from services.mesh.store import Store, UtcTime, now
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.kinds import KINDS
from services.orchestrator.tenancy.listing import Listed, page_of
from services.orchestrator.tenancy.node import MemberRecord, NodeRecord, active

MAX_MEMBERS = 1000


class Membership(Listed):
    """A member, as lists have it."""

    parent: str
    principal: str
    role: str
    create_time: UtcTime

    @property
    def key(self) -> str:
        """What tells it from the others in the list."""
        return self.principal


class Members:
    """Gives and takes roles."""

    def __init__(self, store: Store, directory: Directory, rights: Rights) -> None:
        self._store = store
        self._directory = directory
        self._rights = rights

    async def page(self, request: Any) -> tuple[list[Membership], str]:
        """Return a page of members, and the next one's token. NOT_FOUND, INVALID_FILTER."""
        collection = KINDS[collection_and_id(request.parent)[0]].collection
        record = active(await self._store.find(collection, request.parent), request.parent)
        everybody = [membership(record, principal) for principal in record.members]
        return page_of(everybody, ("principal", "role", "create_time"), request)

    async def set(self, parent: str, principal: str, role: str) -> Membership:
        """Give somebody a role. NOT_FOUND, LAST_OWNER, PERMISSION_DENIED."""
        self._rights.require_to_give(ROLES[role], parent)

        def change(node: NodeRecord) -> bool:
            active(node, parent)
            known = node.members.get(principal)
            if known and known.role == role:
                return False
            if known is None and len(node.members) >= MAX_MEMBERS:
                raise _too_many(parent)
            node.members[principal] = MemberRecord(role=role, create_time=now())
            _check_owner(node, known)
            return True

        return membership(await self._change(parent, change), principal)

    async def remove(self, parent: str, principal: str) -> None:
        """Take somebody out. NOT_FOUND, LAST_OWNER."""

        def change(node: NodeRecord) -> bool:
            known = active(node, parent).members.pop(principal, None)
            if known is None:
                raise AdjutantError(
                    "NOT_FOUND",
                    f"{principal} is no member of {parent}; list its members to see who is.",
                    field="principal",
                )
            _check_owner(node, known)
            return True

        await self._change(parent, change)

    async def _change(self, parent: str, change: Any) -> NodeRecord:
        collection = KINDS[collection_and_id(parent)[0]].collection
        changed: NodeRecord = await self._directory.change(collection, parent, change)
        return changed


def membership(node: NodeRecord, principal: str) -> Membership:
    """Return somebody's role in a client, group or project."""
    member = node.members[principal]
    return Membership(
        parent=node.name, principal=principal, role=member.role, create_time=member.create_time
    )


def _check_owner(node: NodeRecord, before: MemberRecord | None) -> None:
    """Raise LAST_OWNER where a client had an owner and would have none."""
    is_client = collection_and_id(node.name)[0] == CLIENTS.name
    if not is_client or before is None or before.role != "OWNER":
        return
    if all(member.role != "OWNER" for member in node.members.values()):
        raise AdjutantError(
            "LAST_OWNER",
            f"{node.name} would be left without an owner; make somebody else an owner first.",
        )


def _too_many(parent: str) -> AdjutantError:
    message = f"{parent} has {MAX_MEMBERS} members, and no more fit; give roles higher up."
    return AdjutantError("INVALID_REQUEST", message, field="parent")
