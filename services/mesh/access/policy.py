"""What every service knows of the hierarchy and of API keys.

The orchestrator owns both and puts them, whenever they change, into a
JetStream key-value bucket; every service follows the bucket and decides by
its own copy.
"""

from pydantic import BaseModel, ConfigDict, Field

from services.mesh.store import UtcTime


class Policy(BaseModel):
    """Something in the bucket."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    """Resource name."""
    revision: int
    """The record's revision; a lower one never replaces a higher one."""


class Node(Policy):
    """A client, a group or a project."""

    group: str = ""
    """Name of the group that a project is in; empty where it is in none."""
    members: dict[str, str] = Field(default_factory=dict)
    """Principal to role, without its prefix."""
    deleted: bool = False
    """Whether it was removed: nobody may do anything in it, whatever else is said."""


class Key(Policy):
    """An API key, as far as it takes to check it."""

    key_id: str
    """The part of the token that finds it."""
    scope: str
    """The client, group or project that it is good for."""
    permissions: list[int]
    """What it may do there and below."""
    salt: str
    """Of the digest, in hex."""
    digest: str
    """Argon2id of the token's secret part, in hex."""
    expire_time: UtcTime | None = None
    """When it ends; None means never."""
    revoked: bool = False
    """Whether it was revoked."""
