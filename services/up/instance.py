"""One mesh per data directory, and the file by which others find it."""

import contextlib
import fcntl
import json
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata

from services.up.errors import UpError

MESH_FILE = "mesh.json"
_LOCK_FILE = "up.lock"


@contextlib.contextmanager
def only_instance(data_dir: pathlib.Path) -> Iterator[bool]:
    """Hold the data directory for a block of code.

    Yields whether the holder before ended without cleaning up, so that parts
    of it may still be draining. Raises UpError where another mesh runs there.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(data_dir / _LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise UpError(f"cannot use {data_dir} as data directory: {error.strerror}") from error
    try:
        holder = os.read(descriptor, 32).decode(errors="replace").strip()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UpError(
                f"a mesh runs in {data_dir} already (process {holder}); "
                "stop it, or choose another directory with --data-dir"
            ) from None
        _write(descriptor, f"{os.getpid()}\n")
        yield bool(holder)
        _write(descriptor, "")
    finally:
        os.close(descriptor)


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


@contextlib.contextmanager
def published(
    data_dir: pathlib.Path, addresses: Mapping[str, Sequence[str]], tls: Mapping[str, str]
) -> Iterator[None]:
    """Have `mesh.json` in the data directory for a block of code.

    Of a service with replicas `addresses` has the first, and `replicas` has them all.
    """
    path = data_dir / MESH_FILE
    mesh: dict[str, object] = {
        "version": metadata.version("adjutant"),
        "pid": os.getpid(),
        "addresses": {name: each[0] for name, each in addresses.items()},
    }
    if replicas := {name: list(each) for name, each in addresses.items() if len(each) > 1}:
        mesh["replicas"] = replicas
    if tls:
        mesh["tls"] = dict(tls)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(mesh, indent=2) + "\n")
    unfinished.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
