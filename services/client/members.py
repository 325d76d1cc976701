"""Members: who may do what in a client, a group or a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from adjutant_messages.adjutant.common.v1 import Role

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.MemberService/"
_LIST = Method(_SERVICE, _PATH + "ListMembers", v1.ListMembersRequest, v1.ListMembersResponse)
_SET = Method(_SERVICE, _PATH + "SetMember", v1.SetMemberRequest, v1.SetMemberResponse)
_REMOVE = Method(_SERVICE, _PATH + "RemoveMember", v1.RemoveMemberRequest, v1.RemoveMemberResponse)


class Members:
    """Members anywhere; `Adjutant.members`. Every method raises `AdjutantError`s.

    A `parent` is the full name of a client, a group or a project; empty means the project
    that the client works in.
    """

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def list(
        self,
        parent: str = "",
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Member, None]:
        """Yield the members of one client, group or project, without those it inherits.

        `filter` is as in `role = "OWNER"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Member], str]:
            request = v1.ListMembersRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.members, answer.next_page_token

        async for member in pages(page):
            yield member

    async def set(self, principal: str, role: Role, parent: str = "") -> v1.Member:
        """Give `users/{subject}` a role there, in place of the one they had."""
        request = v1.SetMemberRequest(parent=parent or self._parent, principal=principal, role=role)
        return present((await self._transport.unary(_SET, request)).member)

    async def remove(self, principal: str, parent: str = "") -> None:
        """Take somebody out; streams that they have open end."""
        request = v1.RemoveMemberRequest(parent=parent or self._parent, principal=principal)
        await self._transport.unary(_REMOVE, request)
