"""Callers that show a certificate: the URI in it says who they are."""

from collections.abc import Sequence
from typing import Any, Final

from services.mesh.identity.principal import OWNER_NAME, Kind, Principal
from services.mesh.identity.refusals import is_person, is_service, not_accepted

TRUST_DOMAIN: Final = "spiffe://adjutant/"
"""What the identity in a certificate of the mesh begins with, as SPIFFE writes it."""
_URI_PROPERTY: Final = "peer_uri"


def peer_identities(context: Any) -> tuple[str, ...]:
    """Return the URIs of the certificate that the caller of a gRPC call was connected with.

    The authority was checked in the handshake. Names of other kinds in a certificate are
    not looked at: a host's name must never be taken for an identity.
    """
    values = context.auth_context().get(_URI_PROPERTY, ())
    return tuple(value.decode(errors="replace") for value in values)


def principal_of(identities: Sequence[str | bytes]) -> Principal | None:
    """Return whose certificate it is; None where there is none.

    INVALID_CREDENTIAL where it does not name exactly one identity of the mesh.
    """
    if not identities:
        return None
    texts = [i if isinstance(i, str) else i.decode(errors="replace") for i in identities]
    names = [text.removeprefix(TRUST_DOMAIN) for text in texts if text.startswith(TRUST_DOMAIN)]
    if len(names) == 1 and is_service(names[0]):
        return Principal(names[0], Kind.SERVICE, f"certificate {TRUST_DOMAIN}{names[0]}")
    if len(names) == 1 and is_person(names[0]) and names[0] != OWNER_NAME:
        return Principal(names[0], Kind.USER, f"certificate {TRUST_DOMAIN}{names[0]}")
    raise not_accepted(
        "The certificate does not name one identity of this mesh. Use one that has the URI "
        f"{TRUST_DOMAIN}services/… or {TRUST_DOMAIN}users/…."
    )
