"""What is said to those who are not let in: enough to help, nothing that helps to guess."""

import re
from typing import Final

from services.mesh.errors import AdjutantError

MAX_TOKEN_BYTES: Final = 8 * 1024
"""No token that is longer is looked at."""

_PERSON: Final = re.compile(r"users/[A-Za-z0-9._@+|:-]{1,200}")
_SERVICE: Final = re.compile(r"services/[a-z][a-z0-9_]{0,40}")
_API_KEY: Final = re.compile(r"clients/[a-z0-9/-]{1,250}/apiKeys/[a-z0-9-]{1,63}", re.IGNORECASE)


def is_person(name: str) -> bool:
    """Tell whether a name can be a person's."""
    return _PERSON.fullmatch(name) is not None


def is_service(name: str) -> bool:
    """Tell whether a name can be a service's."""
    return _SERVICE.fullmatch(name) is not None


def is_principal(name: str) -> bool:
    """Tell whether a name can be a principal's."""
    return is_person(name) or is_service(name) or _API_KEY.fullmatch(name) is not None


def no_identity() -> AdjutantError:
    """Return the error for a call that shows nothing."""
    return AdjutantError(
        "UNAUTHENTICATED",
        "The call carries no identity. Send `authorization: Bearer <token>`.",
    )


def not_accepted(text: str = "") -> AdjutantError:
    """Return the error for a credential that is not accepted; the text says what to do."""
    return AdjutantError(
        "INVALID_CREDENTIAL",
        text or "The token is not accepted: it is wrong, expired or revoked. Use another one.",
    )


def cannot_tell(what: str) -> AdjutantError:
    """Return the error for a credential that cannot be checked just now."""
    return AdjutantError(
        "ACCESS_UNKNOWN",
        f"The {what} cannot be checked just now. Try again in a moment.",
        retry_after_s=1.0,
    )
