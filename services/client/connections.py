"""Connections: how projects reach what is outside."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from adjutant_messages.google.protobuf import FieldMask
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ConnectionService/"
_CREATE = Method(
    _SERVICE, _PATH + "CreateConnection", v1.CreateConnectionRequest, v1.CreateConnectionResponse
)
_GET = Method(_SERVICE, _PATH + "GetConnection", v1.GetConnectionRequest, v1.GetConnectionResponse)
_LIST = Method(
    _SERVICE, _PATH + "ListConnections", v1.ListConnectionsRequest, v1.ListConnectionsResponse
)
_UPDATE = Method(
    _SERVICE, _PATH + "UpdateConnection", v1.UpdateConnectionRequest, v1.UpdateConnectionResponse
)
_DELETE = Method(
    _SERVICE, _PATH + "DeleteConnection", v1.DeleteConnectionRequest, v1.DeleteConnectionResponse
)
_REWRAP = Method(
    _SERVICE, _PATH + "RewrapSecrets", v1.RewrapSecretsRequest, v1.RewrapSecretsResponse
)


class Connections:
    """The connections of a mesh; `Adjutant.connections`. Every method raises `AdjutantError`s.

    `parent` is the name of a client, a group or a project; empty means the project that the
    `Adjutant` is for. What is below a parent inherits its connections.
    """

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        connection_id: str,
        *,
        uri_prefix: str,
        secret: str = "",
        username: str = "",
        display_name: str = "",
        parent: str = "",
        request_id: str = "",
    ) -> v1.Connection:
        """Make a connection for repositories whose URI lies below `uri_prefix`.

        The secret is stored encrypted; nobody reads it again but the services that need it.
        """
        request = v1.CreateConnectionRequest(
            parent=parent or self._parent,
            request_id=request_id or str(uuid.uuid4()),
            connection_id=connection_id,
            connection=v1.Connection(
                uri_prefix=uri_prefix, username=username, display_name=display_name
            ),
            secret=secret,
        )
        return present((await self._transport.unary(_CREATE, request)).connection)

    async def get(self, name: str) -> v1.Connection:
        """Return a connection by its full name."""
        request = v1.GetConnectionRequest(name=name)
        return present((await self._transport.unary(_GET, request)).connection)

    async def list(
        self,
        *,
        parent: str = "",
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.Connection, None]:
        """Yield the connections of one parent, newest first unless `order_by` says otherwise."""

        async def page(token: str) -> tuple[list[v1.Connection], str]:
            request = v1.ListConnectionsRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.connections, answer.next_page_token

        async for connection in pages(page):
            yield connection

    async def update(
        self,
        name: str,
        *,
        uri_prefix: str | None = None,
        secret: str | None = None,
        username: str | None = None,
        display_name: str | None = None,
        etag: str = "",
    ) -> v1.Connection:
        """Change what is given. A new `uri_prefix` needs the secret anew; "" removes a secret.

        With an `etag` it must still be the connection that had it.
        """
        given = {"uri_prefix": uri_prefix, "username": username, "display_name": display_name}
        paths = [field for field, value in given.items() if value is not None]
        paths += ["secret"] if secret is not None else []
        request = v1.UpdateConnectionRequest(
            name=name,
            connection=v1.Connection(
                uri_prefix=uri_prefix or "",
                username=username or "",
                display_name=display_name or "",
                etag=etag,
            ),
            update_mask=FieldMask(paths=paths),
            secret=secret or "",
        )
        return present((await self._transport.unary(_UPDATE, request)).connection)

    async def delete(self, name: str) -> None:
        """Remove a connection and its secret."""
        await self._transport.unary(_DELETE, v1.DeleteConnectionRequest(name=name))

    async def rewrap_secrets(self) -> v1.RewrapSecretsResponse:
        """Wrap the keys of all secrets with the newest master key; safe to repeat."""
        return await self._transport.unary(_REWRAP, v1.RewrapSecretsRequest())
