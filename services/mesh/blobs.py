"""Blobs: artifacts and recordings, by key, in a local directory."""

import asyncio
import hashlib
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.mesh.access.scope import is_within

CHUNK_BYTES: Final = 64 * 1024


@dataclass(frozen=True)
class BlobInfo:
    """What is known of a blob."""

    size_bytes: int
    sha256: str


class Blobs:
    """Blobs under one folder. A blob appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    async def put(self, key: str, content: bytes | Path) -> BlobInfo:
        """Keep bytes, or a copy of a file, under a key such as `runs/…/output.log`."""
        return await asyncio.to_thread(self._put, key, content)

    async def get(self, key: str) -> bytes:
        """Return a whole blob. KeyError."""
        return await asyncio.to_thread(self._existing(key).read_bytes)

    async def read(self, key: str, offset: int = 0) -> AsyncIterator[bytes]:
        """Yield a blob in pieces of at most 64 KiB, from a byte offset on. KeyError."""
        with self._existing(key).open("rb") as file:
            # An offset that no file can have is no error: nothing is there.
            file.seek(min(offset, os.fstat(file.fileno()).st_size))
            while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield piece

    def path(self, key: str) -> Path:
        """Return where a blob is on disk. KeyError."""
        return self._existing(key)

    async def remove(self, prefix: str) -> None:
        """Remove every blob whose key begins with this folder; none is fine too."""
        await asyncio.to_thread(shutil.rmtree, self._path(prefix), ignore_errors=True)

    def _put(self, key: str, content: bytes | Path) -> BlobInfo:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        if isinstance(content, Path):
            shutil.copyfile(content, partial)
        else:
            partial.write_bytes(content)
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = partial.stat().st_size
        os.replace(partial, path)
        return BlobInfo(size, digest)

    def _existing(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise KeyError(key)
        return path

    def _path(self, key: str) -> Path:
        # A key holds the name of the resource that it belongs to; another client's is not there.
        _, in_client, rest = key.partition("clients/")
        if not is_within(in_client + rest):
            raise KeyError(key)
        path = (self._folder / key).resolve()
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise ValueError(f"a blob's key stays within the store: {key!r}")
        return path
