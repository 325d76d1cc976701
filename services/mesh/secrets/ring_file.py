"""The file of master keys: JSON lines of id, key and time, oldest first; mode 600.

It changes as a whole by renaming a new file over it, so that whoever reads it
finds the old keys or the new ones. Whoever changes it holds a lock beside it.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

KEY_BYTES: Final = 32
_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_OTHERS: Final = 0o077


class MasterKeysError(OSError):
    """The master keys cannot be read; the text says what to do."""


@dataclass(frozen=True)
class KeyEntry:
    """One line of the file."""

    id: str
    key: str
    """32 bytes in base64."""
    create_time: str

    def __repr__(self) -> str:
        return f"KeyEntry({self.id})"


def decoded_key(text: str) -> bytes:
    """Return a key of 32 bytes. ValueError where it is none."""
    key = base64.b64decode(text, validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError(f"a master key has {KEY_BYTES} bytes")
    return key


def unreadable(path: Path, why: str) -> MasterKeysError:
    """Return the error of a file that cannot be used."""
    return MasterKeysError(
        f"the master keys in {path} cannot be used: {why}; give the file back from a backup, "
        "for without it no stored secret can be read"
    )


def read(path: Path) -> list[KeyEntry]:
    """Return the keys, the current one last. MasterKeysError."""
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise MasterKeysError(
                    f"the master keys in {path} are not used, for others can read them: run "
                    f"chmod 600 {path}"
                )
            entries = [KeyEntry(**json.loads(line)) for line in file if line.strip()]
        for entry in entries:
            decoded_key(entry.key)
    except (ValueError, TypeError):
        raise unreadable(path, "a line of it is no key") from None
    except MasterKeysError:
        raise
    except OSError as error:
        raise unreadable(path, error.strerror or "it cannot be read") from error
    if not entries:
        raise unreadable(path, "it is empty")
    return entries


def make_if_missing(path: Path) -> None:
    """Make the file with a first key, unless it is there. MasterKeysError."""
    with _locked(path):
        if not path.exists():
            _write(path, [_new_entry()])
    read(path)


def add_key(path: Path) -> str:
    """Add a new key, which is the current one from now on, and return its id. MasterKeysError."""
    entry = _new_entry()
    _change(path, lambda entries: [*entries, entry])
    return entry.id


def keep_only(path: Path, key_id: str) -> list[str]:
    """Remove every other key, and return the ids of those. MasterKeysError where it is not there.

    What the removed keys wrapped can never be read again.
    """
    removed: list[str] = []

    def change(entries: list[KeyEntry]) -> list[KeyEntry]:
        kept = [entry for entry in entries if entry.id == key_id]
        removed.extend(entry.id for entry in entries if entry.id != key_id)
        if not kept:
            raise unreadable(path, f"it has no key {key_id}")
        return kept

    _change(path, change)
    return removed


def _change(path: Path, change: Callable[[list[KeyEntry]], list[KeyEntry]]) -> None:
    with _locked(path):
        _write(path, change(read(path)))


def _new_entry() -> KeyEntry:
    now = datetime.now(UTC)
    key = base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    return KeyEntry(f"{now:%Y%m%d}-{secrets.token_hex(6)}", key, now.isoformat())


def _write(path: Path, entries: list[KeyEntry]) -> None:
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE_FILE)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(json.dumps(asdict(entry)) + "\n" for entry in entries)
        file.flush()
        os.fsync(descriptor)
    unfinished.replace(path)
    # The name too must survive the power cut: what is wrapped with a lost key is lost.
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
