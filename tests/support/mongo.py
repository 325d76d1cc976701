"""A MongoDB for tests: one that is named, one that is installed, or FerretDB, built by `make`."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from services.mesh.config import MeshSettings
from services.mesh.embedded import free_port

BUILT = Path(__file__).resolve().parents[2] / "build" / "ferretdb"
NONE = (
    "no MongoDB here: name one in ADJUTANT_TEST_MONGO_URL, put mongod on PATH, "
    "or install Go and run `make test-servers`"
)
START_TIMEOUT_S = 30.0


class MongoOfOne:
    """A server on one port, with one folder, that a test may pause, kill and start again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"mongodb://127.0.0.1:{self._port}/"

    def start(self) -> None:
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def _command(self) -> list[str]:
        data = self._folder / "data"
        data.mkdir(exist_ok=True)
        if mongod := shutil.which("mongod"):
            address = ["--bind_ip", "127.0.0.1", "--port", str(self._port)]
            return [mongod, *address, "--dbpath", str(data)]
        return [str(BUILT), f"127.0.0.1:{self._port}", str(data)]

    def kill(self) -> None:
        assert self._process
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def require_server() -> None:
    """Skip the test where no server can be started here."""
    if not (shutil.which("mongod") or BUILT.exists()):
        pytest.skip(NONE)


@contextlib.contextmanager
def mongo_server(folder: Path) -> Iterator[str]:
    """Give the URL of a server for the block."""
    if url := os.environ.get("ADJUTANT_TEST_MONGO_URL"):
        yield url
        return
    require_server()
    server = MongoOfOne(folder)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def databases(url: str) -> Iterator[dict[str, Any]]:
    """Give settings of databases that nobody else has; they are removed after the block."""
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    try:
        yield {"store": "mongo", "mongo_url": url, "mongo_database": prefix}
    finally:
        client: pymongo.MongoClient[Any] = pymongo.MongoClient(url, serverSelectionTimeoutMS=500)
        with contextlib.suppress(PyMongoError), client:
            for name in client.list_database_names():
                if name.startswith(prefix):
                    client.drop_database(name)


def settings(**values: Any) -> MeshSettings:
    return MeshSettings.model_validate(values)
