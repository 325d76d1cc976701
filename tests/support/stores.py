"""The adapters of the store port, for the tests that all of them pass."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from services.mesh.store import Collection, Store

ADAPTERS = ("sqlite", "mongo")
Open = Callable[[Sequence[Collection[Any]]], Awaitable[Store]]
"""Opens one more replica's store on the same records."""
on_both_stores = pytest.mark.parametrize("mesh_store", ADAPTERS, indirect=True)
"""Has a test's mesh keep its records in each of them; without this it is SQLite."""
