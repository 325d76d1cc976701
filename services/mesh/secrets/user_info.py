"""Addresses that hold a password: they are not taken, for an address is stored and shown."""

import re
from typing import Final

from services.mesh.errors import AdjutantError

_USER_INFO: Final = re.compile(r"([a-z][a-z0-9+.-]*):[/\\]*([^/\\?#]*)@", re.IGNORECASE)


def refuse_user_info(uri: str, field: str) -> None:
    """Raise INVALID_REQUEST where an address holds a password or a token.

    Over http and https a user alone may be a token; elsewhere it is a name, such as `git`.
    """
    found = _USER_INFO.match(uri)
    if found and (found[1].lower() in ("http", "https") or ":" in found[2]):
        raise AdjutantError(
            "INVALID_REQUEST",
            "The repository's address holds a user or a password, which would be stored with it; "
            "take that out and make a connection with `adjutant connections create`.",
            field=field,
        )
