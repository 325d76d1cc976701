"""A mesh in which approvals expire soon where a test says so, and a repository."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mesh import MeshInProcess, make_repository, mesh_in_process

QUICK = {"approval_timeout_medium_s": 1.5, "approval_timeout_high_s": 2.0, "approval_warning_s": 1}


@pytest.fixture
async def mesh(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[MeshInProcess]:
    """A mesh as it is by default: a person has minutes."""
    async with mesh_in_process(tmp_path / "data", **mesh_store) as mesh:
        yield mesh


@pytest.fixture
async def hasty(tmp_path: Path, mesh_store: dict[str, Any]) -> AsyncIterator[MeshInProcess]:
    """A mesh in which nobody can answer in time."""
    async with mesh_in_process(tmp_path / "data", **QUICK, **mesh_store) as mesh:
        yield mesh


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repo")
