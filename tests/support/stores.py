"""The adapters of the store port, for the tests that all of them pass."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from services.mesh.store import Collection, Store

ADAPTERS = ("sqlite", "mongo")
Open = Callable[[Sequence[Collection[Any]]], Awaitable[Store]]
"""Opens one more replica's store on the same records."""
