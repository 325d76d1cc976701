"""A record of the tests' own, and the store adapters that keep it."""

import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adjutant.event.v1 import event_pb2, run_events_pb2
from services.mesh.config import MeshSettings
from services.mesh.events import new_event
from services.mesh.store import (
    Collection,
    Record,
    SqliteStore,
    Store,
    open_store,
    open_store_for,
)

PARENT = "clients/acme/projects/web"


class Note(Record):
    """A record as services have them."""

    state: str = "OPEN"
    title: str = ""
    count: int = 0


NOTES = Collection("notes", Note, ("state", "title"))


def note(note_id: str, *, parent: str = PARENT, second: int = 0, **fields: Any) -> Note:
    time = datetime(2026, 1, 1, 12, 0, second, tzinfo=UTC)
    return Note(name=f"{parent}/notes/{note_id}", create_time=time, update_time=time, **fields)


def said(text: str) -> event_pb2.Event:
    progress = run_events_pb2.RunProgress(message=text)
    return new_event(resource=f"{PARENT}/notes/n", run_progress=progress)


def texts(events: Sequence[Any]) -> list[str]:
    return [entry.event.run_progress.message for entry in events]


Open = Callable[[Sequence[Collection[Any]]], Awaitable[Store]]
"""Opens one more replica's store on the same records."""


@pytest.fixture(params=["sqlite", "mongo"])
def store_settings(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> MeshSettings:
    """Settings of each adapter of the store port; they all pass the same tests."""
    values: dict[str, Any] = {"store": "sqlite"}
    if request.param == "mongo":
        values = request.getfixturevalue("mongo_settings")
    return MeshSettings.model_validate({"data_dir": tmp_path, **values})


@pytest.fixture
async def open_replica(store_settings: MeshSettings) -> AsyncIterator[Open]:
    opened: list[Store] = []

    async def open_one(collections: Sequence[Collection[Any]]) -> Store:
        opened.append(await open_store_for(store_settings, collections))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica([NOTES])


@pytest.fixture
async def sqlite_store(tmp_path: pathlib.Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "store.db", [NOTES])
    yield opened
    await opened.close()
