"""The demo goes its whole way without a terminal, and leaves nothing behind."""

import os
import pathlib
import signal
import subprocess
import time

import psutil

from tests.integration.cli.conftest import PROGRAM

PATIENCE_S = 60.0


def _processes_in(folder: pathlib.Path) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        told = [*(process.info["cmdline"] or ()), *(process.info["environ"] or {}).values()]
        if any(str(folder) in word for word in told) and process.pid != os.getpid():
            found.append(" ".join(process.info["cmdline"] or ()))
    return found


def _start(folder: pathlib.Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [PROGRAM, "demo"],
        env={**os.environ, "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_it_ends_with_the_commit_and_the_test_that_passes(tmp_path: pathlib.Path) -> None:
    with _start(tmp_path) as demo:
        said, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 0, said
    assert "\x1b" not in said
    for part in (
        "FAILED (failures=1)",
        "- [ ] Write the English greeting",
        "step 1  RUNNING",
        "50 %  half of english.py",
        "Commit 3 changed files to welcome",
        '+    return f"{english.text(name)} {french.text(name)}"',
        "The demo answers: approve",
        "3 files changed",
        "$ python3 -m unittest\nOK",
        "accepted in",
        "adjutant new --plan PLAN.md --repo YOUR_REPOSITORY --watch",
    ):
        assert part in said, said
    assert list(tmp_path.iterdir()) == []
    assert _processes_in(tmp_path) == []


def test_ctrl_c_leaves_nothing_behind(tmp_path: pathlib.Path) -> None:
    with _start(tmp_path) as demo:
        assert demo.stdout is not None
        while "[1] writing" not in demo.stdout.readline():
            assert demo.poll() is None
        os.killpg(demo.pid, signal.SIGINT)
        said, _ = demo.communicate(timeout=PATIENCE_S)
    assert demo.returncode == 130, said
    assert "what it started is gone" in said
    assert "Traceback" not in said
    deadline = time.monotonic() + PATIENCE_S
    while _processes_in(tmp_path):
        assert time.monotonic() < deadline, _processes_in(tmp_path)
        time.sleep(0.1)
    assert list(tmp_path.iterdir()) == []
