"""API keys: the credentials of programs."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.orchestrator import v1
from services.client.names import present
from services.client.paging import pages
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence
    from datetime import datetime

    from adjutant_messages.adjutant.common.v1 import Permission, Role

_SERVICE: Final = "orchestrator"
_PATH: Final = "/adjutant.orchestrator.v1.ApiKeyService/"
_CREATE = Method(_SERVICE, _PATH + "CreateApiKey", v1.CreateApiKeyRequest, v1.CreateApiKeyResponse)
_GET = Method(_SERVICE, _PATH + "GetApiKey", v1.GetApiKeyRequest, v1.GetApiKeyResponse)
_LIST = Method(_SERVICE, _PATH + "ListApiKeys", v1.ListApiKeysRequest, v1.ListApiKeysResponse)
_REVOKE = Method(_SERVICE, _PATH + "RevokeApiKey", v1.RevokeApiKeyRequest, v1.RevokeApiKeyResponse)


@dataclass(frozen=True)
class NewApiKey:
    """A key that was just made, and its token, which cannot be had again."""

    api_key: v1.ApiKey
    token: str = field(repr=False)
    """What the program sends; empty where the call was repeated."""


class ApiKeys:
    """API keys anywhere; `Adjutant.keys`. Every method raises `AdjutantError`s.

    A `parent` is the full name of a client, a group or a project; empty means the project
    that the client works in.
    """

    def __init__(self, transport: Transport, parent: str) -> None:
        self._transport = transport
        self._parent = parent

    async def create(
        self,
        role: Role,
        parent: str = "",
        *,
        display_name: str = "",
        permissions: Sequence[Permission] = (),
        expire_time: datetime | None = None,
        request_id: str = "",
    ) -> NewApiKey:
        """Make a key that is good for `parent` and what is below, and return it with its token.

        `permissions` narrow the role down; without `expire_time` it never ends.
        """
        api_key = v1.ApiKey(
            role=role,
            display_name=display_name,
            permissions=list(permissions),
            expire_time=expire_time,
        )
        request = v1.CreateApiKeyRequest(
            parent=parent or self._parent,
            request_id=request_id or str(uuid.uuid4()),
            api_key=api_key,
        )
        answer = await self._transport.unary(_CREATE, request)
        return NewApiKey(present(answer.api_key), answer.token)

    async def get(self, name: str) -> v1.ApiKey:
        """Return a key by its full name."""
        request = v1.GetApiKeyRequest(name=name)
        return present((await self._transport.unary(_GET, request)).api_key)

    async def list(
        self,
        parent: str = "",
        *,
        filter: str = "",  # noqa: A002 - the contract's name
        order_by: str = "",
        page_size: int = 100,
    ) -> AsyncGenerator[v1.ApiKey, None]:
        """Yield the keys of one client, group or project, newest first, revoked ones too.

        `filter` is as in `creator = "users/ada"`; `page_size` is how many are fetched at a time.
        """

        async def page(token: str) -> tuple[list[v1.ApiKey], str]:
            request = v1.ListApiKeysRequest(
                parent=parent or self._parent,
                page_size=page_size,
                page_token=token,
                filter=filter,
                order_by=order_by,
            )
            answer = await self._transport.unary(_LIST, request)
            return answer.api_keys, answer.next_page_token

        async for api_key in pages(page):
            yield api_key

    async def revoke(self, name: str) -> v1.ApiKey:
        """End a key; calls with it are refused, and streams that it opened end."""
        request = v1.RevokeApiKeyRequest(name=name)
        return present((await self._transport.unary(_REVOKE, request)).api_key)
