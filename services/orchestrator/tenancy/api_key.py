"""API keys: their record, and what they may do."""

from typing import Final

from pydantic import Field

from services.mesh.access.roles import FORBIDDEN_TO_KEYS, ROLES
from services.mesh.names import parent_of
from services.mesh.store import Collection, Record, UtcTime


class ApiKeyRecord(Record):
    """A stored API key; its token is nowhere, only the digest of it."""

    display_name: str = ""
    role: str
    """Without its prefix."""
    narrowed_to: list[int] = Field(default_factory=list)
    """Permissions that the role is narrowed down to; none means all of it."""
    key_id: str
    """The part of the token that finds the key."""
    salt: str
    """Of the digest, in hex."""
    digest: str
    """Of the token's secret part, in hex."""
    creator: str = ""
    """Principal who made it."""
    expire_time: UtcTime | None = None
    """When it ends; None means never."""
    revoke_time: UtcTime | None = None
    """When it was revoked; None while it was not."""

    @property
    def scope(self) -> str:
        """The client, group or project that it is good for."""
        return parent_of(self.name)

    @property
    def permissions(self) -> frozenset[int]:
        """What it may do there and below."""
        return allowed(self.role, self.narrowed_to)


class KeyUseRecord(Record):
    """When a key was last used; apart from the key, which its use does not change."""

    last_used_time: UtcTime


API_KEYS: Final = Collection("apiKeys", ApiKeyRecord, ("creator", "display_name"))
KEY_USES: Final = Collection("apiKeyUses", KeyUseRecord)


def allowed(role: str, narrowed_to: list[int]) -> frozenset[int]:
    """Return what a key with a role may do, narrowed down to some permissions if any are given."""
    whole = ROLES[role] - FORBIDDEN_TO_KEYS
    return whole & frozenset(narrowed_to) if narrowed_to else whole
