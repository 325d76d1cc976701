"""Clients: customers or teams, apart from each other in everything."""

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
_PATH: Final = "/adjutant.orchestrator.v1.ClientService/"
_CREATE = Method(_SERVICE, _PATH + "CreateClient", v1.CreateClientRequest, v1.CreateClientResponse)
_GET = Method(_SERVICE, _PATH + "GetClient", v1.GetClientRequest, v1.GetClientResponse)
_LIST = Method(_SERVICE, _PATH + "ListClients", v1.ListClientsRequest, v1.ListClientsResponse)
_UPDATE = Method(_SERVICE, _PATH + "UpdateClient", v1.UpdateClientRequest, v1.UpdateClientResponse)
_DELETE = Method(_SERVICE, _PATH + "DeleteClient", v1.DeleteClientRequest, v1.DeleteClientResponse)


class Clients:
    """The clients of a mesh; `Adjutant.clients`. Every method raises `AdjutantError`s."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self,
        client_id: str,
        *,
        display_name: str = "",
        description: str = "",
        settings: v1.Settings | None = None,
        request_id: str = "",
    ) -> v1.Client:
        """Make a client in the mesh; its id is never given again.

        Repeating the call with the same `request_id` returns the same client.
        """
        client = v1.Client(
            display_name=display_name,
            description=description,
            settings=settings,
        )
        request = v1.CreateClientRequest(
            request_id=request_id or str(uuid.uuid4()),
            client_id=client_id,
            client=client,
        )
        return present((await self._transport.unary(_CREATE, request)).client)

    async def get(self, name: str) -> v1.Client:
        """Return a client by its full name."""
        request = v1.GetClientRequest(name=name)
        return present((await self._transport.unary(_GET, request)).client)

    async def list(
        self,
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Client, None]:
        """Yield the clients of the mesh, newest first unless `order_by` says otherwise.

        `filter` is as in `display_name = "Web"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.Client], str]:
            request = v1.ListClientsRequest(
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.clients, answer.next_page_token

        async for client in pages(page):
            yield client

    async def update(self, name: str, changes: v1.Client, paths: Sequence[str] = ()) -> v1.Client:
        """Change the fields that `paths` name, or all that are set, and return the client.

        With an `etag` in `changes` the client must still be that one.
        """
        request = v1.UpdateClientRequest(
            name=name, client=changes, update_mask=FieldMask(paths=list(paths))
        )
        return present((await self._transport.unary(_UPDATE, request)).client)

    async def delete(self, name: str) -> None:
        """Remove a client for good; refused while it has groups or projects."""
        await self._transport.unary(_DELETE, v1.DeleteClientRequest(name=name))
