"""Wraps the keys of all secrets with the newest master key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from adjutant.event.v1 import event_pb2
from services.mesh.errors import AdjutantError
from services.mesh.secrets.envelope import Sealed, Vault
from services.mesh.store import Store
from services.orchestrator.tenancy.connections import Connections
from services.orchestrator.tenancy.stored_connection import CONNECTIONS, ConnectionRecord

Events = Sequence[event_pb2.Event]
MAX_NAMES: Final = 1000
"""How many unreadable secrets are named; a message has its limit."""


@dataclass
class Rewrapped:
    """What was done."""

    master_key: str
    count: int = 0
    unreadable: list[str] = field(default_factory=list)


class Rewrapping:
    """Goes through everything that holds a sealed secret."""

    def __init__(self, store: Store, vault: Vault, connections: Connections) -> None:
        self._store = store
        self._vault = vault
        self._connections = connections

    async def run(self) -> Rewrapped:
        """Wrap anew whatever an older key wraps. Cut off half-way, the next call goes on."""
        done = Rewrapped(await self._connections.seal_barrier())
        async for record in self._store.scan(CONNECTIONS, {}):
            if record.secret and not await self._vault.is_current(record.secret):
                await self._rewrap(record, record.secret, done)
        return done

    async def _rewrap(self, record: ConnectionRecord, old: Sealed, done: Rewrapped) -> None:
        try:
            new = await self._vault.rewrap(old, record.name)
        except AdjutantError as error:
            if error.reason != "SECRET_UNREADABLE":
                raise
            if len(done.unreadable) < MAX_NAMES:
                done.unreadable.append(record.name)
            return
        try:
            changed = await self._store.update(
                CONNECTIONS, record.name, lambda current: _exchange(current, old, new)
            )
        except AdjutantError as error:
            if error.reason != "NOT_FOUND":  # else it was removed meanwhile
                raise
            return
        done.count += changed.secret == new


def _exchange(record: ConnectionRecord, old: Sealed, new: Sealed) -> Events | None:
    if record.secret != old:
        return None  # a new secret came meanwhile; the newest key seals it
    record.secret = new
    return []
