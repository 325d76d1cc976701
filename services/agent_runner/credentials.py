"""Credentials for repositories: the port behind which somebody has them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from services.agent_runner.run import RunRecord

_HTTP: Final = re.compile(r"https?://", re.IGNORECASE)
_ORIGIN: Final = re.compile(r"https?://[^/?#]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a server is shown; it is held in memory for as long as one git command takes."""

    connection: str
    """Name of the connection that it is of."""
    username: str
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.connection})"

    def lines(self) -> bytes:
        """Return it as git's credential helpers say it."""
        return f"username={self.username}\npassword={self.secret}\n".encode()


class Credentials(Protocol):
    """Finds the credential of a run's repository."""

    async def of(self, run: RunRecord) -> Credential | None:
        """Return what the repository's server is shown; None for an anonymous visit.

        Raises RunFailure where that cannot be told.
        """


def needs_credential(repository_uri: str) -> bool:
    """Tell whether a repository is reached in a way that connections are for."""
    return bool(_HTTP.match(repository_uri))


def origin_of(repository_uri: str) -> str:
    """Return scheme, host and port of an http or https address."""
    found = _ORIGIN.match(repository_uri)
    return found[0] if found else ""
