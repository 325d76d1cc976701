"""What SQLite adds: several processes on one file, crashes, and files of an older version."""

import asyncio
import pathlib
import signal
import subprocess
import sys

import pytest

from services.mesh.store import Collection, Record, SqliteStore, open_store
from services.mesh.store.schema import connect
from tests.unit.mesh.conftest import NOTES, Note, note, said, texts

WRITER = """
import asyncio, itertools, pathlib, sys
from services.mesh.store import open_store
from tests.unit.mesh.conftest import NOTES, note, said

async def main():
    store = await open_store(pathlib.Path(sys.argv[1]), [NOTES])
    name = note("shared").name
    def count(record):
        record.count += 1
        return [said(str(record.count))]
    for n in itertools.count() if sys.argv[2] == "for-ever" else range(int(sys.argv[2])):
        await store.update(NOTES, name, count)
        print(n, flush=True)
    await store.close()

asyncio.run(main())
"""


def writer(path: pathlib.Path, times: str) -> subprocess.Popen[bytes]:
    """Start a process that counts a shared note up and says so after each commit."""
    command = [sys.executable, "-c", WRITER, str(path), times]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


@pytest.fixture
def path(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "deep" / "store.db"


async def opened(path: pathlib.Path) -> SqliteStore:
    return await open_store(path, [NOTES])


async def test_the_file_and_its_folder_are_made(path: pathlib.Path) -> None:
    store = await opened(path)
    await store.close()
    assert path.exists()


async def test_everything_is_there_after_opening_again(path: pathlib.Path) -> None:
    store = await opened(path)
    record = (await store.insert(NOTES, note("a"), events=[said("1")])).record
    await store.close()
    store = await opened(path)
    assert await store.get(NOTES, record.name) == record
    assert texts(await store.outbox(10)) == ["1"]
    await store.close()


async def test_what_was_committed_survives_the_kill_of_its_writer(path: pathlib.Path) -> None:
    store = await opened(path)
    await store.insert(NOTES, note("shared"))
    with writer(path, "for-ever") as process:
        assert process.stdout is not None
        for _ in range(25):
            said_last = int(await asyncio.to_thread(process.stdout.readline))
        process.send_signal(signal.SIGKILL)
    found = await store.get(NOTES, note("shared").name)
    assert found.count >= said_last + 1
    # State and events were committed together, wherever the kill struck.
    assert texts(await store.outbox(10_000)) == [str(n) for n in range(1, found.count + 1)]
    await store.update(NOTES, found.name, lambda _: [])
    await store.close()


async def test_no_update_is_lost_among_several_processes(path: pathlib.Path) -> None:
    store = await opened(path)
    await store.insert(NOTES, note("shared"))
    processes = [writer(path, "40") for _ in range(2)]

    def count(record: Note) -> list[object]:
        record.count += 1
        return []

    for _ in range(40):
        await store.update(NOTES, note("shared").name, count)  # type: ignore[arg-type]
    statuses = [await asyncio.to_thread(process.wait) for process in processes]
    for process in processes:
        assert process.stdout is not None
        process.stdout.close()
    assert statuses == [0, 0]
    assert (await store.get(NOTES, note("shared").name)).count == 120
    await store.close()


async def test_several_replicas_may_make_the_file_at_once(path: pathlib.Path) -> None:
    stores = await asyncio.gather(*(opened(path) for _ in range(8)))
    calls = (store.insert(NOTES, note(f"n-{n}")) for n, store in enumerate(stores))
    await asyncio.gather(*calls)
    assert len([found async for found in stores[0].scan(NOTES, {})]) == 8
    for store in stores:
        await store.close()


class OldNote(Record):
    state: str = "OPEN"


class NewNote(OldNote):
    colour: str = "white"


async def test_a_collection_may_gain_a_field(path: pathlib.Path) -> None:
    old = Collection("notes", OldNote, ("state",))
    new = Collection("notes", NewNote, ("state", "colour"))
    made = note("a")
    store = await open_store(path, [old])
    record = OldNote(name=made.name, create_time=made.create_time, update_time=made.update_time)
    await store.insert(old, record)
    await store.close()
    store = await open_store(path, [new])
    assert (await store.get(new, made.name)).colour == "white"
    await store.update(new, made.name, lambda _: [])
    parent = made.name.partition("/notes/")[0]
    assert len((await store.page(new, parent=parent, filter_text="colour = white")).records) == 1
    await store.close()


async def test_lists_and_scans_use_indexes(sqlite_store: SqliteStore) -> None:
    database = connect(sqlite_store._path, "NORMAL")
    for query in (
        "SELECT body FROM notes WHERE parent = ? ORDER BY create_time DESC, name DESC",
        "SELECT body FROM notes WHERE parent = ? AND state = ? ORDER BY create_time",
        "SELECT body FROM notes WHERE (create_time, name) > (?, ?) ORDER BY create_time, name",
    ):
        values = ["x"] * query.count("?")
        plan = str(database.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall())
        assert "USING INDEX" in plan
    database.close()


@pytest.mark.parametrize(("setting", "number"), [("NORMAL", 1), ("FULL", 2)])
async def test_how_hard_it_writes_is_a_setting(
    path: pathlib.Path, setting: str, number: int
) -> None:
    path.parent.mkdir()
    database = connect(path, setting)
    assert database.execute("PRAGMA synchronous").fetchone() == (number,)
    assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    database.close()
