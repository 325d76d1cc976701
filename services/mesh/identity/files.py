"""Files that only their owner reads, and files that are read again when they change."""

import contextlib
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_private_folder(path: Path) -> None:
    """Make a folder of mode 700, or close one that others can read; what is in it may be anybody's.

    One that is somebody else's stays as it is, and the log says so. OSError.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.stat().st_mode & _OTHERS:
        return
    try:
        path.chmod(0o700)
    except PermissionError:
        log.warning("%s may be read by others of this machine; its owner can change that", path)


def make_private(path: Path, content: bytes) -> bool:
    """Make a file of mode 600 unless it is there; False where it was.

    It appears whole or not at all, and of several who make it at once one does.
    """
    _make_private_folder(path.parent)
    unfinished = _written_aside(path, content)
    try:
        os.link(unfinished, path)
    except FileExistsError:
        return False
    finally:
        unfinished.unlink()
    return True


def replace_private(path: Path, content: bytes) -> None:
    """Make a file of mode 600, in place of the one that is there."""
    _make_private_folder(path.parent)
    unfinished = _written_aside(path, content)
    try:
        unfinished.replace(path)
    except OSError:
        unfinished.unlink()
        raise


def read_private(path: Path) -> bytes:
    """Return what a secret file holds. OSError where it is not there, or others can read it."""
    with path.open("rb") as file:
        _require_private(path, os.fstat(file.fileno()))
        return file.read()


def require_private(path: Path) -> None:
    """Raise OSError where a secret file is not there, or others than its owner can read it."""
    _require_private(path, path.stat())


def _require_private(path: Path, status: os.stat_result) -> None:
    if status.st_mode & _OTHERS:
        mode = stat.S_IMODE(status.st_mode)
        raise PermissionError(
            f"{path} can be read by others than its owner (mode {mode:o}), so what it holds is "
            f"no secret; make it anew, or run: chmod 600 {path}"
        )


def _make_private_folder(folder: Path) -> None:
    """Make a folder and what it is in, all of mode 700: `mkdir` opens all but the last."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(exist_ok=True, mode=0o700)


def _written_aside(path: Path, content: bytes) -> Path:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(6).hex()}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise
    return unfinished


class Watched(Generic[T]):
    """What a file means, read again whenever the file is another one.

    Looking is one `stat`. While the file is gone or cannot be read, `get` raises what `read` did.
    """

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self.path = path
        self._read = read
        self._seen: tuple[int, ...] = ()
        self._value: T

    def get(self) -> T:
        """Return what the file means now. OSError or ValueError where it cannot be read."""
        status = os.stat(self.path)
        seen = (status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode)
        if seen != self._seen:
            self._seen = ()  # what cannot be read now is not taken for what it was
            self._value = self._read(self.path)
            self._seen = seen
        return self._value


class Complaint:
    """Writes an error to the log, and the same one again only after another.

    Strangers can make the same thing fail as often as they like.
    """

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said = ""

    def __call__(self, text: str, error: Exception) -> None:
        """Complain of an error; `text` has a `%s` for it."""
        if str(error) != self._said:
            self._said = str(error)
            self._log.error(text, error)
