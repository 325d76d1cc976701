"""The owner's token: whoever can read the file owns the mesh."""

import contextlib
import hashlib
import hmac
import logging
from pathlib import Path
from typing import Final

from services.mesh.identity.files import Complaint, Watched, read_private
from services.mesh.identity.principal import OWNER_NAME, Kind, Principal
from services.mesh.identity.refusals import cannot_tell, not_accepted

OWNER: Final = Principal(
    name=OWNER_NAME, kind=Kind.USER, credential="owner token", administrator=True
)
MIN_TOKEN_BYTES: Final = 20
"""A token that is shorter is none: somebody emptied the file."""

log = logging.getLogger(__name__)


class OwnerToken:
    """Tells whether a token is the owner's; a changed file counts from then on."""

    def __init__(self, path: Path) -> None:
        self._digest = Watched(path, _digest_in)
        self._complain = Complaint(log)

    def known(self, token: str, digest: bytes) -> Principal | None:
        """Return the owner for the owner's token, of which `digest` is the SHA-256."""
        try:
            expected = self._digest.get()
        except (OSError, ValueError):
            return None  # `prove` says why
        # Digests, so that the time this takes tells nothing of the token.
        return OWNER if hmac.compare_digest(digest, expected) else None

    def has_ended(self, token: str, digest: bytes) -> bool:
        """Tell whether a token that was the owner's is certainly not any more."""
        try:
            return not hmac.compare_digest(digest, self._digest.get())
        except FileNotFoundError:
            return True
        except (OSError, ValueError):
            return False

    async def prove(self, token: str, digest: bytes) -> Principal:
        """Return the owner. INVALID_CREDENTIAL, or ACCESS_UNKNOWN where the file is unusable."""
        try:
            self.require()
        except (OSError, ValueError) as error:
            self._complain("the owner's token cannot be read: %s", error)
            raise cannot_tell("token") from error
        if owner := self.known(token, digest):
            return owner
        raise not_accepted()

    def require(self) -> None:
        """Raise OSError or ValueError where there is a file that cannot be used.

        A mesh of many machines needs none: then nobody is known by an owner's token.
        """
        with contextlib.suppress(FileNotFoundError):
            self._digest.get()


def _digest_in(path: Path) -> bytes:
    token = read_private(path).strip()
    if len(token) < MIN_TOKEN_BYTES:
        raise ValueError(f"{path} holds no token; run: adjutant auth rotate-owner-token")
    return hashlib.sha256(token).digest()
