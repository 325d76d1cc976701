"""`adjutant up` as a process: real nats-server, doubles of the services."""

import contextlib
import json
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from services.ports import free_port_base
from services.up.composition import installed_commands

PATIENCE_S = 30.0


class Up:
    """A running `adjutant up`, whose lines are read as they come."""

    def __init__(self, *services: str, data_dir: pathlib.Path, port_base: int) -> None:
        self.data_dir = data_dir
        self.port_base = port_base
        where = ["--data-dir", str(data_dir), "--port-base", str(port_base)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.doubles.up", *services, "--", *where],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self.output: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def until(self, text: str) -> str:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self.output.append(self._lines.get(timeout=0.1))
                if text in self.output[-1]:
                    return self.output[-1]
        raise AssertionError(f"{text!r} was not said; there was: {''.join(self.output)}")

    def child(self, words: str) -> psutil.Process:
        """Return the child whose command line has these words, as soon as there is one."""
        found: list[psutil.Process] = []

        def look() -> bool:
            children = psutil.Process(self.process.pid).children()
            found[:] = [child for child in children if words in " ".join(_cmdline(child))]
            return bool(found)

        eventually(look, f"no child with {words!r}")
        return found[0]

    def end(self) -> int:
        self.process.terminate()
        status = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        while not self._lines.empty():
            self.output.append(self._lines.get())
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def _cmdline(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


def eventually(check: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: pathlib.Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []
    base = free_port_base()

    def start_one(*services: str) -> Up:
        started.append(Up(*services, data_dir=tmp_path, port_base=base))
        return started[-1]

    yield start_one
    for up in started:
        up.end()


def _gone(*processes: psutil.Process) -> bool:
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)


def test_it_tells_addresses_when_ready_and_cleans_up_after(start: Callable[..., Up]) -> None:
    up = start("orchestrator", "agent_runner")
    up.until("Ready.")
    said = "".join(up.output)
    assert f"orchestrator  127.0.0.1:{up.port_base + 1}" in said
    mesh = json.loads((up.data_dir / "mesh.json").read_text())
    assert mesh["pid"] == up.process.pid
    assert mesh["addresses"]["nats"] == f"127.0.0.1:{up.port_base}"
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert len(children) == 3
    assert up.end() == 0
    assert _gone(*children)
    assert not (up.data_dir / "mesh.json").exists()
    assert "drained" in (up.data_dir / "logs" / "orchestrator.log").read_text()
    assert "Traceback" not in "".join(up.output)


def test_an_open_data_directory_is_told_with_what_to_run(start: Callable[..., Up]) -> None:
    up = start("orchestrator")
    up.until("Ready.")
    assert "can be read by others" not in "".join(up.output)
    up.end()
    up.data_dir.chmod(0o755)
    again = start("orchestrator")
    again.until("Ready.")
    assert "(mode 755)" in "".join(again.output)
    assert f"chmod 700 {up.data_dir}" in "".join(again.output)


def test_a_services_folder_where_one_works_is_not_taken_for_ours(tmp_path: pathlib.Path) -> None:
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").write_text("raise SystemExit('not ours')")
    program = str(pathlib.Path(sys.executable).parent / "adjutant")
    data = str(tmp_path / "data")

    def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
        given = {**os.environ, **environ}
        return subprocess.run(
            command, cwd=tmp_path, env=given, capture_output=True, text=True, check=False
        )

    assert "ADJUTANT_DATA_DIR" in run(program, "config").stdout
    assert run(program, "auth", "init", "--data-dir", data).returncode == 0
    for command in installed_commands().values():
        assert "ADJUTANT_PORT_BASE: " in run(*command, ADJUTANT_PORT_BASE="abc").stderr


def test_ctrl_c_drains_services_before_the_event_log(start: Callable[..., Up]) -> None:
    up = start("orchestrator")
    up.until("Ready.")
    nats = up.child("nats-server")
    os.killpg(up.process.pid, signal.SIGINT)  # what a terminal does
    up.until("stopped")
    assert _gone(nats)
    assert "drained" in (up.data_dir / "logs" / "orchestrator.log").read_text()


@pytest.mark.parametrize("part", ["orchestrator", "nats-server"])
def test_what_dies_is_started_again_and_said_so(start: Callable[..., Up], part: str) -> None:
    up = start("orchestrator")
    up.until("Ready.")
    before = up.child(part)
    before.kill()
    assert "ended (signal 9); starting it again in 0.1 s" in up.until("ended")
    eventually(lambda: up.child(part).pid != before.pid, f"{part} did not come back")


def test_services_end_when_up_is_killed_and_the_next_one_takes_over(
    start: Callable[..., Up],
) -> None:
    up = start("orchestrator")
    up.until("Ready.")
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.kill()
    after = start("orchestrator")
    after.until("Ready.")
    eventually(lambda: _gone(*children), "something outlived its owner")


def test_one_mesh_per_data_directory(start: Callable[..., Up]) -> None:
    start("orchestrator").until("Ready.")
    second = start("orchestrator")
    assert "a mesh runs in" in second.until("already")
    assert second.process.wait(PATIENCE_S) == 2


@pytest.mark.parametrize(("offset", "name"), [(0, "nats"), (1, "orchestrator")])
def test_a_taken_port_is_one_plain_line(
    start: Callable[..., Up], tmp_path: pathlib.Path, offset: int, name: str
) -> None:
    base = free_port_base()
    with socket.create_server(("127.0.0.1", base + offset)):
        up = Up("orchestrator", data_dir=tmp_path, port_base=base)
        line = up.until("taken")
        assert up.process.wait(PATIENCE_S) == 2
        up.end()
    assert f"port {base + offset} ({name}) is taken by another program; stop" in line
    assert "--port-base" in line
    assert len(up.output) == 1


def test_a_service_that_cannot_start_is_told_with_its_words(start: Callable[..., Up]) -> None:
    up = start("orchestrator=broken")
    up.until("orchestrator: it cannot start")
    up.until("ends again and again")
    assert up.process.wait(PATIENCE_S) == 2


def test_errors_in_a_log_are_told_plainly(start: Callable[..., Up]) -> None:
    start("agent_runner=complaining").until("agent_runner: the disk is full")


def test_a_second_signal_ends_at_once(start: Callable[..., Up]) -> None:
    up = start("orchestrator=stubborn")
    up.until("Ready.")
    children = psutil.Process(up.process.pid).children(recursive=True)
    up.process.send_signal(signal.SIGINT)
    up.until("stopping")
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(PATIENCE_S) == 130
    eventually(lambda: _gone(*children), "something is left")
