"""A short run of every attack; `make hostile` runs them for longer."""

import subprocess
import sys

import pytest

from tests.hostile.attack_of_the_test import kills
from tests.hostile.run import run

RUN_TIMEOUT_S = 150
SEED = 20261120


@pytest.mark.timeout(RUN_TIMEOUT_S)
def test_a_mesh_outlives_every_attack() -> None:
    command = [sys.executable, "-m", "tests.hostile", "--seconds", "1", "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]


@pytest.mark.timeout(RUN_TIMEOUT_S)
async def test_a_run_tells_of_a_service_that_died() -> None:
    report = await run(0, SEED, attacks=[kills])
    assert any("was started anew" in complaint for complaint in report.complaints)
    assert any(" got StatusCode.UNAVAILABLE" in complaint for complaint in report.complaints)
