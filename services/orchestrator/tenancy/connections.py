"""Connections: kept with a sealed secret, inherited downwards, and handed to services."""

import hmac
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import connection_pb2
from adjutant.orchestrator.v1 import connection_service_pb2 as pb
from services.mesh.errors import AdjutantError
from services.mesh.filelock import locked
from services.mesh.names import child, collection_and_id, parent_of
from services.mesh.secrets.envelope import Sealed, Vault
from services.mesh.store import Guard, Page, Store, now
from services.orchestrator.requests import check_etag, request_key
from services.orchestrator.tenancy.address import Address, parse_address
from services.orchestrator.tenancy.stored_connection import (
    CONNECTIONS,
    DEFAULT_USERNAME,
    ConnectionRecord,
    to_message,
)

PURPOSE: Final = "connection"
PATHS: Final = ("display_name", "uri_prefix", "username", "secret")
"""What an update mask may name."""
_LINE_BREAKS: Final = re.compile(r"[\0\r\n]")
"""What would end the line that a secret goes to git on."""

Chain = Callable[[str], Awaitable[Sequence[str]]]
"""Returns the names of a project, its group if it is in one, and its client. NOT_FOUND."""


@dataclass(frozen=True)
class Credential:
    """A connection with its secret, on its way to a service."""

    record: ConnectionRecord
    username: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.record.name})"


class Connections:
    """The connections of clients, groups and projects."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        chain: Chain,
        guard: Callable[[str], Guard | None],
        sealing: Path,
    ) -> None:
        """Take where they are kept, what seals them, and what knows the hierarchy.

        `guard` gives what must hold of a parent when something is made in it; `sealing` is a file
        that replicas lock while they seal.
        """
        self._store = store
        self._vault = vault
        self._chain = chain
        self._guard = guard
        self._sealing = sealing

    async def create(self, request: pb.CreateConnectionRequest) -> ConnectionRecord:
        """Make a connection. ALREADY_EXISTS, REQUEST_ID_REUSED, INVALID_REQUEST."""
        name, time = child(request.parent, "connections", request.connection_id), now()
        asked = request.connection
        prefix = _prefix(asked.uri_prefix)
        # A digest of a password could be guessed at: only the stored secret is compared.
        key = request_key(request.parent, _without_secret(request))
        async with locked(self._sealing, shared=True):
            record = ConnectionRecord(
                name=name,
                create_time=time,
                update_time=time,
                display_name=asked.display_name,
                uri_prefix=prefix.text,
                username=asked.username,
                secret=await self._sealed(request.secret, name),
            )
            inserted = await self._store.insert(
                CONNECTIONS, record, request=key, guard=self._guard(request.parent)
            )
        if not inserted.created:
            await self._require_same(inserted.record, request.secret)
        return inserted.record

    async def get(self, name: str) -> ConnectionRecord:
        """Return a connection. NOT_FOUND."""
        return await self._store.get(CONNECTIONS, name)

    async def page(self, request: pb.ListConnectionsRequest) -> Page[ConnectionRecord]:
        """Return a page of connections. INVALID_FILTER, INVALID_PAGE_TOKEN."""
        return await self._store.page(
            CONNECTIONS,
            parent=request.parent,
            filter_text=request.filter,
            order_by=request.order_by,
            page_size=request.page_size,
            page_token=request.page_token,
        )

    async def update(self, request: pb.UpdateConnectionRequest) -> ConnectionRecord:
        """Change a connection. NOT_FOUND, CONCURRENT_CHANGE, INVALID_REQUEST."""
        asked, paths = request.connection, _paths(request)
        prefix = _prefix(asked.uri_prefix) if "uri_prefix" in paths else None
        async with locked(self._sealing, shared=True):
            sealed = await self._sealed(request.secret, request.name)

            def change(record: ConnectionRecord) -> list[event_pb2.Event] | None:
                check_etag(record, asked.etag, "connection.etag")
                if prefix:
                    _require_secret(record, prefix, sealed if "secret" in paths else None)
                    record.uri_prefix = prefix.text
                if "secret" in paths:
                    record.secret = sealed
                for path in ("display_name", "username"):
                    if path in paths:
                        setattr(record, path, getattr(asked, path))
                return [] if paths else None

            return await self._store.update(CONNECTIONS, request.name, change)

    async def delete(self, name: str) -> None:
        """Remove a connection and its secret. NOT_FOUND."""
        await self._store.delete(CONNECTIONS, name)

    async def use(self, project: str, uri: str) -> Credential:
        """Return the credential for a URI. NOT_FOUND, SECRET_UNREADABLE."""
        record = await self._fitting(project, parse_address(uri))
        if record is None:
            raise AdjutantError(
                "NOT_FOUND",
                f"No connection of {project} fits this URI; make one with "
                "`adjutant connections create`.",
                field="uri",
            )
        secret = await self._opened(record)
        return Credential(record, record.username or DEFAULT_USERNAME, secret)

    async def connections_of(self, chain: Sequence[str]) -> Sequence[connection_pb2.Connection]:
        """Return what can be used at the first of a chain of names; see `inherited`."""
        return [to_message(record) for record in await self.inherited(chain)]

    async def inherited(self, chain: Sequence[str]) -> list[ConnectionRecord]:
        """Return what can be used at the first of a chain of names, nearest first.

        Of one id, the nearest hides those further up.
        """
        found = [record async for record in self._store.scan(CONNECTIONS, {"parent": chain})]
        found.sort(key=lambda record: chain.index(parent_of(record.name)))
        nearest: dict[str, ConnectionRecord] = {}
        for record in found:
            nearest.setdefault(collection_and_id(record.name)[1], record)
        return list(nearest.values())

    async def _fitting(self, project: str, address: Address | None) -> ConnectionRecord | None:
        if address is None:
            return None
        fitting: list[tuple[int, ConnectionRecord]] = []
        for record in await self.inherited(await self._chain(project)):
            prefix = parse_address(record.uri_prefix)
            if prefix and prefix.covers(address):
                fitting.append((len(prefix.path), record))
        # The first of the longest: they come nearest first.
        return max(fitting, key=lambda each: each[0])[1] if fitting else None

    async def _sealed(self, secret: str, name: str) -> Sealed | None:
        if _LINE_BREAKS.search(secret):
            message = "A secret cannot hold line breaks or NUL; send it without them."
            raise AdjutantError("INVALID_REQUEST", message, field="secret")
        return await self._vault.seal(secret, name) if secret else None

    async def _opened(self, record: ConnectionRecord) -> str:
        if record.secret is None:
            return ""
        return (await self._vault.open(record.secret, record.name)).decode()

    async def _require_same(self, record: ConnectionRecord, secret: str) -> None:
        """Raise REQUEST_ID_REUSED where a repeated request brings another secret."""
        stored = await self._opened(record)
        if not hmac.compare_digest(stored.encode(), secret.encode()):
            message = (
                "This request_id was used with another secret; use a new id for a new request."
            )
            raise AdjutantError("REQUEST_ID_REUSED", message, field="request_id")

    async def seal_barrier(self) -> str:
        """Return the newest master key's id, when all that older ones seal is in the store."""
        async with locked(self._sealing):
            return await self._vault.current_id()


def _without_secret(request: pb.CreateConnectionRequest) -> pb.CreateConnectionRequest:
    body = pb.CreateConnectionRequest()
    body.CopyFrom(request)
    body.ClearField("secret")
    return body


def _prefix(text: str) -> Address:
    address = parse_address(text)
    if address is None:
        raise AdjutantError(
            "INVALID_REQUEST",
            "uri_prefix must be an http or https address without user, `..`, query, or encoded "
            "slashes and dots; write it like https://git.example.com/team.",
            field="connection.uri_prefix",
        )
    return address


def _paths(request: pb.UpdateConnectionRequest) -> list[str]:
    for path in request.update_mask.paths:
        if path not in PATHS:
            raise AdjutantError(
                "INVALID_REQUEST",
                f"{path!r} is no field that can be changed; use {', '.join(PATHS)}.",
                field="update_mask",
            )
    if request.update_mask.paths:
        return list(request.update_mask.paths)
    own = [path for path in PATHS if path != "secret" and getattr(request.connection, path)]
    return [*own, "secret"] if request.secret else own


def _require_secret(record: ConnectionRecord, prefix: Address, secret: Sealed | None) -> None:
    """Raise where a stored secret would be sent to an address that it was not given for."""
    if record.secret and not secret and prefix.text != record.uri_prefix:
        raise AdjutantError(
            "INVALID_REQUEST",
            "A new uri_prefix needs the secret anew, so that it goes only where its owner wants; "
            "send the secret too.",
            field="secret",
        )
