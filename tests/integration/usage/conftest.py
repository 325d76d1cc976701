"""Ledgers on a store that replicas share, and a mesh."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adjutant.orchestrator.v1 import budget_service_pb2_grpc, usage_service_pb2_grpc
from services.mesh.config import MeshSettings
from services.mesh.store import Store, open_store_for
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.usage.budget import BUDGETS
from services.orchestrator.usage.call import CALLS
from services.orchestrator.usage.day import DAYS
from services.orchestrator.usage.ledger import UsageLedger
from services.orchestrator.usage.prices import Prices
from tests.support.mesh import Caller, mesh_in_process
from tests.support.stores import Open
from tests.support.usage import PRICES, PROJECT, options

OpenLedger = Callable[..., Awaitable[tuple[UsageLedger, Store]]]


def ledger_on(store: Store, **values: Any) -> UsageLedger:
    """Return a ledger whose settings have these values."""
    own = options(**values)
    return UsageLedger(store, Prices(own.model_prices), own)


@pytest.fixture
def open_ledger(open_replica: Open) -> OpenLedger:
    """Open the ledger of one more replica, on the same records."""

    async def open_one(**values: Any) -> tuple[UsageLedger, Store]:
        store = await open_replica((CALLS, BUDGETS, DAYS))
        return ledger_on(store, **values), store

    return open_one


@dataclass
class House:
    """A mesh, and the ledger of another replica of its orchestrator."""

    caller: Caller
    ledger: UsageLedger
    store: Store

    @property
    def usage(self) -> Any:
        return usage_service_pb2_grpc.UsageServiceStub(self.caller.channel)

    @property
    def budgets(self) -> Any:
        return budget_service_pb2_grpc.BudgetServiceStub(self.caller.channel)


@pytest.fixture
async def house(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[House]:
    settings = {**mesh_store, "model_prices": PRICES}
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:
        own = options(data_dir=mesh.data_dir, **settings)
        store = await open_store_for(own, COLLECTIONS)
        await mesh.caller.make_project(PROJECT)
        yield House(mesh.caller, ledger_on(store), store)
        await store.close()


@pytest.fixture
def shared(store_settings: MeshSettings) -> dict[str, Any]:
    """Say where the store is that ledgers of a test share, for another process."""
    known = store_settings.model_dump(mode="json", include={"data_dir", "store", "mongo_database"})
    return {**known, "mongo_url": store_settings.mongo_url.get_secret_value()}
