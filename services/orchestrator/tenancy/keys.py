"""What callers do with API keys."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from adjutant.common.v1 import access_pb2
from services.mesh.access.caller import actor
from services.mesh.access.rights import Rights
from services.mesh.access.roles import FORBIDDEN_TO_KEYS, ROLES
from services.mesh.errors import AdjutantError
from services.mesh.identity.api_keys import NewToken
from services.mesh.names import child
from services.mesh.store import Page, Store, now
from services.orchestrator.requests import request_key
from services.orchestrator.tenancy.api_key import API_KEYS, KEY_USES, ApiKeyRecord, allowed
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.kinds import stands


@dataclass(frozen=True)
class KeyAndUse:
    """A key, and when it was last used."""

    key: ApiKeyRecord
    last_used_time: datetime | None = None


class ApiKeys:
    """Makes, shows and revokes keys."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        rights: Rights,
        make_token: Callable[[], NewToken],
    ) -> None:
        self._store = store
        self._directory = directory
        self._rights = rights
        self._make_token = make_token

    async def create(self, request: Any) -> tuple[KeyAndUse, str]:
        """Make a key and return it with its token; a repeat returns the key and no token.

        INVALID_REQUEST, PERMISSION_DENIED, NOT_FOUND, REQUEST_ID_REUSED.
        """
        parent, message = request.parent, request.api_key
        role = access_pb2.Role.Name(message.role).removeprefix("ROLE_")
        narrowed_to = sorted(message.permissions)
        _check_permissions(role, narrowed_to)
        self._rights.require_to_give(allowed(role, narrowed_to), parent)
        token, time = await asyncio.to_thread(self._make_token), now()
        record = ApiKeyRecord(
            name=child(parent, "apiKeys", token.key_id.lower()),
            create_time=time,
            update_time=time,
            display_name=message.display_name,
            role=role,
            narrowed_to=narrowed_to,
            key_id=token.key_id,
            salt=token.salt,
            digest=token.digest,
            creator=actor(),
            expire_time=_expire_time(message, time),
        )
        made, is_new = await self._directory.insert(
            API_KEYS,
            record,
            request=request_key(parent, request),
            guard=stands(parent),
        )
        return await self._with_use(made), token.token if is_new else ""

    async def get(self, name: str) -> KeyAndUse:
        """Return a key. NOT_FOUND."""
        return await self._with_use(await self._store.get(API_KEYS, name))

    async def page(self, request: Any) -> tuple[list[KeyAndUse], str]:
        """Return a page of keys, and the next one's token. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        page: Page[ApiKeyRecord] = await self._store.page(
            API_KEYS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return [await self._with_use(key) for key in page.records], page.next_page_token

    async def revoke(self, name: str) -> KeyAndUse:
        """End a key; once more changes nothing. NOT_FOUND."""
        return await self._with_use(
            await self._directory.change(API_KEYS, name, _revoke, kind="DELETED")
        )

    async def revoke_below(self, parent: str) -> None:
        """End every key of what was removed."""
        # Names are looked at here, and not in the query: a project is removed seldom.
        async for key in self._store.scan(API_KEYS, {}):
            if key.name.startswith(f"{parent}/"):
                await self._directory.change(API_KEYS, key.name, _revoke, kind="DELETED")

    async def _with_use(self, key: ApiKeyRecord) -> KeyAndUse:
        use = await self._store.find(KEY_USES, use_name(key.name))
        return KeyAndUse(key, use.last_used_time if use else None)


def use_name(key: str) -> str:
    """Return the name under which a key's use is kept."""
    return key.replace("/apiKeys/", "/apiKeyUses/")


def _revoke(key: ApiKeyRecord) -> bool:
    if key.revoke_time is not None:
        return False
    key.revoke_time = now()
    return True


def _check_permissions(role: str, narrowed_to: list[int]) -> None:
    """Raise INVALID_REQUEST where a key is to have what its role has not, or no key may have."""
    for permission in narrowed_to:
        name = access_pb2.Permission.Name(permission)
        if permission in FORBIDDEN_TO_KEYS:
            raise _bad_permission(f"No API key can have {name}; a person does that.")
        if permission not in ROLES[role]:
            raise _bad_permission(f"The role {role} does not have {name}; choose another role.")


def _bad_permission(text: str) -> AdjutantError:
    return AdjutantError("INVALID_REQUEST", text, field="api_key.permissions")


def _expire_time(message: Any, time: datetime) -> datetime | None:
    if not message.HasField("expire_time"):
        return None
    ends: datetime = message.expire_time.ToDatetime(UTC)
    if ends <= time:
        raise AdjutantError(
            "INVALID_REQUEST",
            "The key would have ended already; choose a time to come, or none.",
            field="api_key.expire_time",
        )
    return ends
