"""A short run under load; `make chaos` runs it for longer."""

import re
import subprocess
import sys

import pytest

SEED = 20261126
SECONDS = 12
RUN_TIMEOUT_S = 300


@pytest.mark.timeout(RUN_TIMEOUT_S)
def test_nothing_is_lost_or_done_twice_whatever_is_killed() -> None:
    command = [sys.executable, "-m", "tests.chaos", "--seconds", str(SECONDS), "--seed", str(SEED)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:] + done.stderr[-5000:]
    last = done.stdout.splitlines()[-1]
    figures = re.fullmatch(rf"kills=(\d+) tasks=(\d+) events=(\d+) violations=0 seed={SEED}", last)
    assert figures, last
    assert all(int(figure) > 0 for figure in figures.groups()), last
