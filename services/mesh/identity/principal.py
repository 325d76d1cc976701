"""Whoever calls, once it is known who that is."""

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from adjutant.common.v1 import access_pb2

Permission = access_pb2.Permission
OWNER_NAME: Final = "users/owner"
"""Who shows the owner's token, and nobody else: no JWT and no certificate names this one."""


class Kind(enum.Enum):
    """What sort of caller it is."""

    USER = "user"
    """A person: a JWT, the owner's token, or a certificate of a person."""
    API_KEY = "api_key"
    """A program with an API key."""
    SERVICE = "service"
    """A service of the mesh: a certificate, or a token signed with the mesh's key."""


@dataclass(frozen=True)
class ApiKeyGrant:
    """What an API key may do, and where; it is in the key itself and in no list of members."""

    key_id: str
    """The part of the token that finds it again."""
    scope: str
    """The client, group or project that it is good for."""
    permissions: frozenset[int]
    """What it may do there and below."""


@dataclass(frozen=True)
class Principal:
    """Somebody who is known."""

    name: str
    """`users/{subject}`, `services/{service}`, or an API key's resource name."""
    kind: Kind
    credential: str
    """What was shown, never its secret: `owner token`, an issuer, a key's name, a certificate."""
    administrator: bool = False
    """Whether everything is allowed everywhere."""
    expire_time: datetime | None = None
    """When the credential ends; streams end with it. None means never."""
    api_key: ApiKeyGrant | None = None
    """What the key allows, for API_KEY."""
    on_behalf_of: str = field(default="", compare=False)
    """Whose work a service is doing; empty for everybody else."""

    @property
    def actor(self) -> str:
        """The principal who wants it: whose work a service is doing, or the caller."""
        return self.on_behalf_of or self.name
