from collections.abc import AsyncIterator

import pytest

from services.client import Adjutant, ReconnectPolicy
from tests.doubles.mesh import MeshDouble

QUICK = ReconnectPolicy(first_s=1.0, again_s=5.0, initial_backoff_s=0.01, max_backoff_s=0.05)


@pytest.fixture
async def mesh() -> AsyncIterator[MeshDouble]:
    double = MeshDouble()
    await double.start()
    yield double
    await double.stop()


@pytest.fixture
async def adjutant(mesh: MeshDouble) -> AsyncIterator[Adjutant]:
    async with Adjutant(mesh.address, reconnect=QUICK) as client:
        yield client
