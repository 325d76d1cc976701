"""What callers do with clients, groups and projects."""

from dataclasses import dataclass
from typing import Any, Final, Generic

from adjutant.common.v1 import access_pb2
from services.mesh.access.authorizer import denied
from services.mesh.access.rights import Rights
from services.mesh.names import child
from services.mesh.store import Look, Page, Store, now
from services.orchestrator.requests import check_etag, request_key
from services.orchestrator.tenancy import mask
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.kinds import Kind
from services.orchestrator.tenancy.node import (
    ACTIVE,
    DELETED,
    N,
    NodeRecord,
    SettingsRecord,
    active,
)

_P: Final = access_pb2.Permission


@dataclass(frozen=True)
class Gains:
    """What the caller may do, for changes that give more than what they say."""

    here: frozenset[int]
    """On what is changed."""
    in_group: frozenset[int]
    """On the group that it is to be in."""

    def check(self, before: NodeRecord, after: NodeRecord) -> None:
        """Raise PERMISSION_DENIED where the caller, or others through them, would get too much."""
        group = getattr(after, "group", "")
        joins = group and group != getattr(before, "group", "")
        # What is in a group gets its connections and sees what its projects know.
        if joins and _P.PERMISSION_HIERARCHY_MANAGE not in self.in_group:
            raise denied()
        if (
            _approves_more(before.settings, after.settings)
            and _P.PERMISSION_APPROVALS_DECIDE not in self.here
        ):
            raise denied()


def _approves_more(before: SettingsRecord, after: SettingsRecord) -> bool:
    """Tell whether what people answered is approved by the settings from now on."""
    policy = after.approval_policy == "APPROVE" != before.approval_policy
    return policy or bool(after.auto_approve_low_risk and not before.auto_approve_low_risk)


class Nodes(Generic[N]):
    """The clients, the groups or the projects."""

    def __init__(self, kind: Kind[N], store: Store, directory: Directory, rights: Rights) -> None:
        self._kind = kind
        self._collection = kind.collection
        self._store = store
        self._directory = directory
        self._rights = rights

    async def create(self, parent: str, node_id: str, request: Any) -> N:
        """Make one. ALREADY_EXISTS, REQUEST_ID_REUSED, INVALID_REQUEST, NOT_FOUND."""
        message, time = getattr(request, self._kind.noun), now()
        name = child(parent, self._collection.name, node_id)
        record = self._collection.record(name=name, create_time=time, update_time=time)
        before = record.model_copy(deep=True)
        mask.apply(record, message, mask.paths_of(message, (), self._kind.paths))
        # Whoever makes something in a client may do there what they may do in the client.
        self._gains(parent, message).check(before, record)
        made, _ = await self._directory.insert(
            self._collection,
            record,
            request=request_key(parent, request),
            guard=lambda look: self._kind.check(look, record),
        )
        return active(made, name)

    async def get(self, name: str) -> N:
        """Return one. NOT_FOUND."""
        return active(await self._store.find(self._collection, name), name)

    async def page(self, parent: str, request: Any) -> Page[N]:
        """Return a page of those in a parent. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            self._collection,
            parent=parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
            where={"state": ACTIVE},
        )

    async def update(self, request: Any) -> N:
        """Change what the mask names. NOT_FOUND, INVALID_REQUEST, CONCURRENT_CHANGE."""
        message = getattr(request, self._kind.noun)
        paths = mask.paths_of(message, request.update_mask.paths, self._kind.paths)
        gains = self._gains(request.name, message)
        changed: list[N] = []

        def change(record: N) -> bool:
            check_etag(active(record, request.name), message.etag)
            before = record.model_copy(deep=True)
            mask.apply(record, message, paths)
            gains.check(before, record)
            changed[:] = [record]
            return True

        def guard(look: Look) -> None:
            self._kind.check(look, changed[0])

        return await self._directory.change(self._collection, request.name, change, guard=guard)

    async def delete(self, name: str) -> None:
        """Remove one, for good; once more changes nothing. NOT_FOUND, NOT_EMPTY."""

        def change(record: N) -> bool:
            if not record.is_active:
                return False
            record.state, record.members = DELETED, {}
            return True

        await self._directory.change(
            self._collection,
            name,
            change,
            kind="DELETED",
            guard=lambda look: self._kind.check_empty(look, name),
        )

    def _gains(self, name: str, message: Any) -> Gains:
        group = getattr(message, "group", "")
        return Gains(self._rights.held(name), self._rights.held(group) if group else frozenset())
