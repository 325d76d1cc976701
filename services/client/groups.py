"""Groups: projects of a client that share settings, connections and knowledge."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.GroupService/"
_CREATE = Method(_SERVICE, _PATH + "CreateGroup", v1.CreateGroupRequest, v1.CreateGroupResponse)
_GET = Method(_SERVICE, _PATH + "GetGroup", v1.GetGroupRequest, v1.GetGroupResponse)
_LIST = Method(_SERVICE, _PATH + "ListGroups", v1.ListGroupsRequest, v1.ListGroupsResponse)
_UPDATE = Method(_SERVICE, _PATH + "UpdateGroup", v1.UpdateGroupRequest, v1.UpdateGroupResponse)
_DELETE = Method(_SERVICE, _PATH + "DeleteGroup", v1.DeleteGroupRequest, v1.DeleteGroupResponse)


class Groups:
    """The groups of a client; `Adjutant.groups`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        group_id: str,
        *,
        display_name: str = "",
        description: str = "",
        settings: v1.Settings | None = None,
        request_id: str = "",
    ) -> v1.Group:
        """Make a group in the client; its id is never given again.

        Repeating the call with the same `request_id` returns the same group.
        """
        group = v1.Group(
            display_name=display_name,
            description=description,
            settings=settings,
        )
        request = v1.CreateGroupRequest(
            parent=self._parent,
            request_id=request_id or str(uuid.uuid4()),
            group_id=group_id,
            group=group,
        )
        return present((await self._transport.unary(_CREATE, request)).group)

    async def get(self, name: str) -> v1.Group:
        """Return a group by its full name."""
        request = v1.GetGroupRequest(name=name)
        return present((await self._transport.unary(_GET, request)).group)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Group, None]:
        """Yield the groups of the client, newest first unless `order_by` says otherwise.

        `filter` is as in `display_name = "Web"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Group], str]:
            request = v1.ListGroupsRequest(
                parent=self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.groups, answer.next_page_token

        async for group in pages(page):
            yield group

    async def update(self, name: str, changes: v1.Group, paths: Sequence[str] = ()) -> v1.Group:
        """Change the fields that `paths` name, or all that are set, and return the group.

        With an `etag` in `changes` the group must still be that one.
        """
        request = v1.UpdateGroupRequest(
            name=name, group=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).group)

    async def delete(self, name: str) -> None:
        """Remove a group for good; refused while projects are in it."""
        await self._transport.unary(_DELETE, v1.DeleteGroupRequest(name=name))
