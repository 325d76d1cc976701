"""How a project reaches what is outside: the port that GetEffectiveProject asks."""

from collections.abc import Sequence
from typing import Protocol

from adjutant.orchestrator.v1 import connection_pb2


class Connections(Protocol):
    """Knows the connections of clients, groups and projects."""

    async def connections_of(self, chain: Sequence[str]) -> Sequence[connection_pb2.Connection]:
        """Return what can be used at the first of a chain of names, nearest first.

        Of one id, the nearest hides those further up.
        """
