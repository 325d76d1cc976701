"""Blobs on disk."""

import asyncio
import hashlib
import os
import pathlib

import pytest

from services.mesh.blobs import CHUNK_BYTES, BlobInfo, Blobs


@pytest.fixture
def blobs(tmp_path: pathlib.Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


async def read(blobs: Blobs, key: str, offset: int = 0) -> list[bytes]:
    return [piece async for piece in blobs.read(key, offset)]


async def test_what_is_put_can_be_got(blobs: Blobs) -> None:
    info = await blobs.put("runs/r-1/output.log", b"hello")
    assert info == BlobInfo(5, hashlib.sha256(b"hello").hexdigest())
    assert await blobs.get("runs/r-1/output.log") == b"hello"
    assert blobs.path("runs/r-1/output.log").read_bytes() == b"hello"


async def test_a_file_is_copied(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    source = tmp_path / "recording"
    source.write_bytes(b"x" * 100_000)
    assert (await blobs.put("recording", source)).size_bytes == 100_000
    source.unlink()
    assert len(await blobs.get("recording")) == 100_000


async def test_it_is_read_in_pieces_from_any_byte_on(blobs: Blobs) -> None:
    content = os.urandom(2 * CHUNK_BYTES + 10)
    await blobs.put("big", content)
    assert [len(piece) for piece in await read(blobs, "big")] == [CHUNK_BYTES, CHUNK_BYTES, 10]
    assert b"".join(await read(blobs, "big", 70_000)) == content[70_000:]
    assert await read(blobs, "big", len(content)) == []


async def test_an_empty_blob_is_a_blob(blobs: Blobs) -> None:
    await blobs.put("empty", b"")
    assert await blobs.get("empty") == b""


async def test_what_is_not_there_is_a_key_error(blobs: Blobs) -> None:
    await blobs.put("folder/file", b"")
    for key in ("absent", "folder"):
        with pytest.raises(KeyError):
            await blobs.get(key)
        with pytest.raises(KeyError):
            await read(blobs, key)


@pytest.mark.parametrize("key", ["../outside", "a/../../outside", "/etc/passwd", "", ".", "a/.."])
async def test_no_key_leads_out_of_the_folder(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="stays within the store"):
        await blobs.put(key, b"")
    with pytest.raises(ValueError, match="stays within the store"):
        await blobs.get(key)


async def test_not_even_through_a_link(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    await blobs.put("file", b"")
    (tmp_path / "blobs" / "way-out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match="stays within the store"):
        await blobs.put("way-out/file", b"")


async def test_a_blob_appears_whole_or_not_at_all(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    one, two = b"1" * 1_000_000, b"2" * 1_000_000
    await blobs.put("contested", one)

    async def rewrite() -> None:
        for _ in range(10):
            await blobs.put("contested", two)
            await blobs.put("contested", one)

    writing = asyncio.create_task(rewrite())
    while not writing.done():
        assert await blobs.get("contested") in (one, two)
    await writing
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == ["contested"]


async def test_a_failed_put_leaves_nothing_behind(blobs: Blobs, tmp_path: pathlib.Path) -> None:
    await blobs.put("kept", b"first")
    (tmp_path / "directory").mkdir()
    with pytest.raises(OSError, match="directory"):
        await blobs.put("kept", tmp_path / "directory")
    with pytest.raises(OSError, match="missing"):
        await blobs.put("kept", tmp_path / "missing")
    assert await blobs.get("kept") == b"first"
    assert [path.name for path in (tmp_path / "blobs").iterdir()] == ["kept"]


async def test_what_is_in_a_folder_is_removed_and_nothing_beside_it(blobs: Blobs) -> None:
    for key in ("runs/a/r/log", "runs/a/s/log", "runs/ab/log"):
        await blobs.put(key, b"x")
    await blobs.remove("runs/a")
    await blobs.remove("runs/none")
    with pytest.raises(KeyError):
        await blobs.get("runs/a/r/log")
    assert await blobs.get("runs/ab/log") == b"x"
    with pytest.raises(ValueError, match="stays within"):
        await blobs.remove("../x")
