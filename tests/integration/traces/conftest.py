"""A mesh for each test of traces."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.mesh import due
from services.orchestrator.traces import mlflow, recorder
from services.orchestrator.traces.recorder import TraceRecorder
from tests.doubles.mlflow import MlflowDouble, mlflow_double
from tests.support.mesh import MeshInProcess, mesh_in_process
from tests.support.traces import recording


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is due seen to at once, also what another replica wrote."""
    monkeypatch.setattr(due, "LOOK_AGAIN_S", 0.05)
    monkeypatch.setattr(recorder, "GATHER", recorder.GATHER * 0)
    monkeypatch.setattr(mlflow, "_FIRST_RETRY_S", 0.05)


@pytest.fixture
async def mesh(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[MeshInProcess]:
    async with mesh_in_process(tmp_path / "data", **mesh_store) as running:
        yield running


@pytest.fixture
async def record(mesh: MeshInProcess, mesh_store: dict[str, Any]) -> AsyncIterator[TraceRecorder]:
    async with recording(mesh.data_dir, **mesh_store) as made:
        yield made


@pytest.fixture
def server() -> Iterator[MlflowDouble]:
    with mlflow_double() as running:
        yield running
