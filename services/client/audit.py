"""The audit log: who did what, or tried to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_LIST = Method(
    "orchestrator",
    "/adjutant.orchestrator.v1.AuditService/ListAuditEntries",
    v1.ListAuditEntriesRequest,
    v1.ListAuditEntriesResponse,
)
EVERYTHING: Final = "mesh"
"""Given for a parent, it means the whole mesh."""


class Audit:
    """The audit log; `Adjutant.audit`. Every method raises `AdjutantError`s."""

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
    ) -> AsyncGenerator[v1.AuditEntry, None]:
        """Yield entries, newest first unless `order_by` says otherwise.

        `parent` is a project, a client with all its projects, or `mesh` for everything; empty
        means the project that the client works in.
        `filter` is as in `kind = "DENIAL"`; `page_size` is how many are fetched at a time.
        """
        wanted = "" if parent == EVERYTHING else parent or self._parent

        async def page(token: str) -> tuple[list[v1.AuditEntry], str]:
            request = v1.ListAuditEntriesRequest(
                parent=wanted,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.entries, answer.next_page_token

        async for entry in pages(page):
            yield entry
