"""What holds for all tests."""

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from opentelemetry import metrics
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from services.mesh.config import MeshSettings
from services.mesh.metrics import make_provider
from services.mesh.store import Collection, Store, open_store_for
from tests.support.mongo import databases, mongo_server
from tests.support.stores import ADAPTERS, Open

# A slow machine is no finding; tests have a time limit of their own.
settings.register_profile("adjutant", deadline=None)
settings.load_profile("adjutant")


@pytest.fixture(scope="session")
def reader() -> InMemoryMetricReader:
    """What is counted in this process, which can be told where to only once."""
    made = InMemoryMetricReader()
    metrics.set_meter_provider(make_provider(MeshSettings(), made))
    return made


@pytest.fixture(scope="session")
def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a MongoDB that no test may stop; skips where there can be none."""
    with mongo_server(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@pytest.fixture
def mongo_settings(mongo_url: str) -> Iterator[dict[str, Any]]:
    """Settings of a store on MongoDB that no other test sees."""
    with databases(mongo_url) as values:
        yield values


@pytest.fixture(params=ADAPTERS)
def store_settings(request: pytest.FixtureRequest, tmp_path: Path) -> MeshSettings:
    """Settings of each adapter of the store port; they all pass the same tests."""
    values: dict[str, Any] = {"store": "sqlite"}
    if request.param == "mongo":
        values = request.getfixturevalue("mongo_settings")
    return MeshSettings.model_validate({"data_dir": tmp_path, **values})


@pytest.fixture
def mesh_store(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Settings of the store of a test's mesh: the default, or what `on_both_stores` says."""
    if getattr(request, "param", ADAPTERS[0]) == ADAPTERS[0]:
        return {}
    values: dict[str, Any] = request.getfixturevalue("mongo_settings")
    return values


@pytest.fixture
async def open_replica(store_settings: MeshSettings) -> AsyncIterator[Open]:
    """Open stores on the same records, and close them after the test."""
    opened: list[Store] = []

    async def open_one(collections: Sequence[Collection[Any]]) -> Store:
        opened.append(await open_store_for(store_settings, collections))
        return opened[-1]

    yield open_one
    for store in opened:
        await store.close()
