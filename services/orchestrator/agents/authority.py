"""Whose rights an answer is made with: those of whoever sent the message, kept beside it.

An answer is made when the call that asked for it is long over. What a person may do is looked up
anew each time they are used, so a role that was taken away is gone; what stands in the credential
itself is kept as it was shown, and ends when the credential does.
"""

from pydantic import BaseModel, Field

from services.mesh.access.caller import current_call
from services.mesh.errors import AdjutantError
from services.mesh.identity import ApiKeyGrant, Kind, Principal
from services.mesh.store import UtcTime, now


class AuthorityRecord(BaseModel):
    """A principal, as it is stored; never its credential's secret."""

    name: str
    kind: str
    credential: str
    administrator: bool = False
    expire_time: UtcTime | None = None
    on_behalf_of: str = ""
    key_id: str = ""
    """Of an API key, whose resource name is `name`; empty for others."""
    scope: str = ""
    permissions: list[int] = Field(default_factory=list)

    def principal(self) -> Principal:
        """Return who it is. UNAUTHENTICATED where the credential has ended since."""
        if self.expire_time is not None and self.expire_time <= now():
            raise AdjutantError(
                "UNAUTHENTICATED",
                "The credential that the message was sent with has ended since; send it again.",
            )
        return self.sender()

    def sender(self) -> Principal:
        """Return who it was when the message was sent, whatever has ended since."""
        grant = ApiKeyGrant(self.key_id, self.scope, frozenset(self.permissions))
        return Principal(
            self.name,
            Kind(self.kind),
            self.credential,
            self.administrator,
            self.expire_time,
            grant if self.key_id else None,
            self.on_behalf_of,
        )


def current_authority() -> AuthorityRecord | None:
    """Return the rights of the call under way; None outside of one."""
    call = current_call()
    if call is None:
        return None
    who = call.principal
    key = who.api_key
    return AuthorityRecord(
        name=who.name,
        kind=who.kind.value,
        credential=who.credential,
        administrator=who.administrator,
        expire_time=who.expire_time,
        on_behalf_of=who.on_behalf_of,
        key_id=key.key_id if key else "",
        scope=key.scope if key else "",
        permissions=sorted(key.permissions) if key else [],
    )
