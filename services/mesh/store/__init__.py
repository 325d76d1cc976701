"""The document store: records with a revision, and the events that each change announces."""

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
    "now",
    "open_store",
]
