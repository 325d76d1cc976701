"""A mesh and a repository for each test of the main job."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mesh import Caller, make_repository, mesh_in_process


@pytest.fixture
async def caller(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[Caller]:
    async with mesh_in_process(tmp_path / "data", **mesh_store) as mesh:
        yield mesh.caller


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")
