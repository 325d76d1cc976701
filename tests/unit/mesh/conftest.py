"""A record of the tests' own, and the store adapters that keep it."""

import pathlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from adjutant.event.v1 import event_pb2, run_events_pb2
from services.mesh.events import new_event
from services.mesh.store import (
    Collection,
    Record,
    SqliteStore,
    Store,
    open_store,
)
from tests.support.stores import Open

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


@pytest.fixture
async def store(open_replica: Open) -> Store:
    return await open_replica([NOTES])


@pytest.fixture
async def sqlite_store(tmp_path: pathlib.Path) -> AsyncIterator[SqliteStore]:
    opened = await open_store(tmp_path / "store.db", [NOTES])
    yield opened
    await opened.close()
