"""Small JSON files that whoever reads them finds whole or not at all."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from typing import Any

PRIVATE_FILE = 0o600


def read(folder: str, name: str) -> dict[str, Any] | None:
    """Read a file; None where it is not there."""
    try:
        with open(os.path.join(folder, name), "rb") as file:
            found: dict[str, Any] = json.load(file)
    except FileNotFoundError:
        return None
    return found


def write(folder: str, name: str, value: dict[str, Any]) -> None:
    """Write a file over the one before, by way of another. Each has one writer."""
    unfinished = _write_aside(folder, name, value)
    os.rename(unfinished, os.path.join(folder, name))


def write_first(folder: str, name: str, value: dict[str, Any]) -> None:
    """Write a file unless it is there: of several who do, one does."""
    unfinished = _write_aside(folder, name, value)
    with suppress(FileExistsError):
        os.link(unfinished, os.path.join(folder, name))
    os.unlink(unfinished)


def names(folder: str, prefix: str) -> list[str]:
    """List the files whose names begin so; none where the folder was removed."""
    try:
        return [name for name in os.listdir(folder) if name.startswith(prefix)]
    except FileNotFoundError:
        return []


def _write_aside(folder: str, name: str, value: dict[str, Any]) -> str:
    # A name of its own: several may write the same at once, in one process and in others.
    unfinished = os.path.join(folder, f"new.{name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file)
    return unfinished
