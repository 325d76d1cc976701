"""The files by which an embedded mesh knows its owner and its services.

They are made on the first start, each with a random content of its own, so that
there is never a mesh that lets everybody in.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.mesh.config import MeshSettings
from services.mesh.identity.files import make_private, make_private_folder, require_private

SECRETS_DIR: Final = "secrets"
OWNER_PREFIX: Final = "adjo_"
"""What an owner's token begins with, so that people and scanners know it when they see it."""


@dataclass(frozen=True)
class SecretFile:
    """A file that is made where it is missing."""

    path: Path
    is_ours: bool
    """Whether it is at its own place in the data directory, and not where a setting says."""
    make: Callable[[], bytes]
    """Returns a content for it."""


def owner_token_path(settings: MeshSettings) -> Path:
    """Return where the owner's token is."""
    return settings.owner_token_file or settings.data_dir / "owner.token"


def mesh_key_path(settings: MeshSettings) -> Path:
    """Return where the key is that signs the tokens of services."""
    return settings.mesh_key_file or settings.data_dir / SECRETS_DIR / "mesh.key"


def nats_token_path(settings: MeshSettings) -> Path:
    """Return where the token of the embedded event log is."""
    return settings.nats_token_file or settings.data_dir / SECRETS_DIR / "nats.token"


def new_token(prefix: str = "") -> bytes:
    """Return a token of 256 random bits."""
    return f"{prefix}{secrets.token_urlsafe(32)}\n".encode()


def new_mesh_key() -> bytes:
    """Return a new Ed25519 key, PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def secret_files(settings: MeshSettings) -> Mapping[str, SecretFile]:
    """Return every file that a mesh cannot do without, by what it is."""
    return {
        "owner's token": SecretFile(
            owner_token_path(settings),
            settings.owner_token_file is None,
            lambda: new_token(OWNER_PREFIX),
        ),
        "mesh's key": SecretFile(
            mesh_key_path(settings), settings.mesh_key_file is None, new_mesh_key
        ),
        "event log's token": SecretFile(
            nats_token_path(settings), settings.nats_token_file is None, new_token
        ),
    }


def ensure_secrets(settings: MeshSettings) -> dict[str, Path]:
    """Make what is missing in the data directory; return what was made, by what it is.

    Several services may do so at once. OSError where a file is readable by others, or is
    missing at a place that a setting names: that one is somebody else's to make.
    """
    folder = settings.data_dir / SECRETS_DIR
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    make_private_folder(folder)
    made = {}
    for what, file in secret_files(settings).items():
        if file.is_ours and not file.path.exists() and make_private(file.path, file.make()):
            made[what] = file.path
        _require(what, file.path)
    return made


def _require(what: str, path: Path) -> None:
    try:
        require_private(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"the {what} is not at {path}, where a setting says it is; put it there, or leave "
            "the setting out"
        ) from None
