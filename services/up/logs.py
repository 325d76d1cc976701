"""Services' logs: files of JSON lines; errors among them are told plainly."""

import asyncio
import json
import pathlib
from collections.abc import Callable, Iterator

from services.mesh.identity.files import make_private_folder

ROTATE_AT_BYTES = 16 * 1024 * 1024
_POLL_INTERVAL_S = 0.25
_SEVERE = ("ERROR", "CRITICAL")


def log_file(data_dir: pathlib.Path, name: str) -> pathlib.Path:
    """Return where a service's log goes; a large one of earlier days is put aside as `.1`."""
    folder = data_dir / "logs"
    make_private_folder(folder)
    path = folder / f"{name}.log"
    if path.exists() and path.stat().st_size > ROTATE_AT_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


async def echo_errors(name: str, path: pathlib.Path, say: Callable[[str], None]) -> None:
    """Say each error that is added to a log from now on; runs until it is cancelled."""
    position = _size(path)
    while True:
        await asyncio.sleep(_POLL_INTERVAL_S)
        position = echo_new(name, path, position, say)


def _size(path: pathlib.Path) -> int:
    return path.stat().st_size if path.exists() else 0


def echo_new(name: str, path: pathlib.Path, position: int, say: Callable[[str], None]) -> int:
    """Say the errors in whole lines after a position, in bytes, and return where they end."""
    if not path.exists():
        return position
    with path.open("rb") as file:
        file.seek(position)
        whole, newline, _ = file.read().rpartition(b"\n")
    for text in plain_errors(whole.decode(errors="replace")):
        say(f"{name}: {text}")
    return position + len(whole) + len(newline)


def plain_errors(log: str) -> Iterator[str]:
    """Yield what went wrong according to lines of a log, in plain words.

    A line that is no JSON is what Python prints when a program cannot start;
    the indented lines of a traceback are left to the file.
    """
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            if line.strip() and not line.startswith((" ", "Traceback (")):
                yield line.strip()
            continue
        if isinstance(entry, dict) and entry.get("level") in _SEVERE:
            yield str(entry.get("message", line))
