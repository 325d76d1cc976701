"""The page of recipes works as it stands: its blocks run against a real mesh."""

import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from services.ports import free_port_base

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "recipes.md"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
SCRIPT_TIMEOUT_S = 90.0


def blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture
def environment(tmp_path: pathlib.Path) -> Iterator[dict[str, str]]:
    """Run a mesh as `adjutant up` does; what a shell needs to find it and the tools."""
    port_base, data_dir = free_port_base(), tmp_path / "data"
    tools = f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {
        "ADJUTANT_DATA_DIR": str(data_dir),
        "ADJUTANT_PORT_BASE": str(port_base),
        "PATH": tools,
        "TMPDIR": str(tmp_path),
    }
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "services.up"], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while not (data_dir / "mesh.json").exists():
            assert up.poll() is None, (tmp_path / "up.log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "up.log").read_text()
            time.sleep(0.1)
        yield environment
    finally:
        up.terminate()
        up.wait(STOP_TIMEOUT_S)


def test_every_recipe_works(environment: dict[str, str], tmp_path: pathlib.Path) -> None:
    script = tmp_path / "recipes.sh"
    script.write_text("set -eu\n" + "\n".join(blocks()))
    done = subprocess.run(
        ["sh", script],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SCRIPT_TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    for expected in (
        "adjutant.orchestrator.v1.TaskService/SubmitTask",
        "submitted clients/default/projects/default/tasks/",
        "TASK_STATE_COMPLETED",
        "hello from a run\n",
        "APPROVAL_STATE_APPROVED",
        "taskStateChanged",
        "refused, as it should be",
        "apiKeys/",
        "a viewer hands in nothing",
    ):
        assert expected in done.stdout, done.stdout
    assert '"code": "invalid_argument"' in done.stderr
    assert '"code": "permission_denied"' in done.stderr


def test_the_page_has_recipes() -> None:
    assert len(blocks()) >= 8
