"""The document store: records with a revision, and the events that each change announces."""

from collections.abc import Sequence
from typing import Any

from services.mesh.config import MeshSettings
from services.mesh.store.port import (
    Collection,
    Guard,
    Inserted,
    Look,
    OutboxEntry,
    Page,
    Record,
    RequestKey,
    Store,
    UtcTime,
    WordIndex,
    now,
)
from services.mesh.store.sqlite import SqliteStore, open_store

__all__ = [
    "Collection",
    "Guard",
    "Inserted",
    "Look",
    "OutboxEntry",
    "Page",
    "Record",
    "RequestKey",
    "SqliteStore",
    "Store",
    "UtcTime",
    "WordIndex",
    "now",
    "open_store",
    "open_store_for",
]


async def open_store_for(settings: MeshSettings, collections: Sequence[Collection[Any]]) -> Store:
    """Open the store that a service's settings ask for. OSError where it cannot be."""
    if settings.store == "mongo":
        try:
            from services.mesh.store.mongo import open_mongo  # only the extra brings its driver
        except ModuleNotFoundError as error:
            raise OSError(
                f"ADJUTANT_STORE=mongo takes the extra `mongo` ({error.name} is missing): "
                "pip install 'adjutant[mongo]'"
            ) from error
        return await open_mongo(settings, collections)
    path = settings.service_dir / "store.db"
    return await open_store(path, collections, synchronous=settings.sqlite_synchronous)
