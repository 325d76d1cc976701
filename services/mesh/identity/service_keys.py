"""The public keys that services' tokens are checked with: the mesh's, and those before it."""

import logging
from typing import Final

from services.mesh.config import MeshSettings
from services.mesh.identity.files import Complaint, Watched
from services.mesh.identity.jwks import KeySet
from services.mesh.identity.local import mesh_key_path
from services.mesh.identity.refusals import cannot_tell
from services.mesh.identity.service_token import known_key, read_private_key, read_public_key

log = logging.getLogger(__name__)


class ServiceKeys:
    """A source of keys on this machine; each file is read again when it changes."""

    def __init__(self, settings: MeshSettings) -> None:
        self._own: Final = Watched(
            mesh_key_path(settings), lambda path: known_key(read_private_key(path).public_key())
        )
        self._further: Final = [
            Watched(path, read_public_key) for path in settings.mesh_public_key_files
        ]
        self._present = KeySet(())
        self._complain = Complaint(log)

    def present(self) -> KeySet | None:
        """Return the keys; None where a file cannot be read."""
        try:
            keys = (self._own.get(), *(key.get() for key in self._further))
        except (OSError, ValueError) as error:
            self._complain("services' tokens cannot be checked: %s", error)
            return None
        if keys != self._present.keys:
            self._present = KeySet(keys)
        return self._present

    async def current(self) -> KeySet:
        """Return the keys. ACCESS_UNKNOWN where a file cannot be read."""
        if keys := self.present():
            return keys
        raise cannot_tell("service's token")

    renewed = current

    async def close(self) -> None:
        """Do nothing: nothing is under way."""
