"""Restate: a server that keeps a journal, and calls a service for the steps."""

import asyncio
import contextlib
import http.client
import json
import pathlib
import platform
import signal
import tempfile
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from bench.peers.children import Child, running
from bench.peers.environment import AbsentError, Environment
from bench.peers.workflows import Contender, Steps, System
from services.ports import free_port_base

SERVER: Final = "server"
SERVICE: Final = "service"
VERSION: Final = "1.7.12"
SERVER_ENVIRONMENT: Final = Environment(
    "restate-server", node=(f"@restatedev/restate-server@{VERSION}",)
)
SERVICE_ENVIRONMENT: Final = Environment(
    "restate-sdk", python=("restate-sdk==1.3.0", "hypercorn==0.18.0")
)
PROGRAM: Final = pathlib.Path(__file__).parent / "programs" / "restate_service.py"
AT_ONCE: Final = 32
CALL_TIMEOUT_S: Final = 120.0
AGAIN_S: Final = 0.02
JSON: Final = {"content-type": "application/json"}


class Http:
    """Calls one port of this machine; a thread keeps its connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._own = threading.local()

    def __call__(self, method: str, path: str, body: object = None) -> bytes:
        """Return what is answered; OSError or HTTPException without one, RuntimeError for a no."""
        connection = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, CALL_TIMEOUT_S)
            self._own.connection = connection
        try:
            connection.request(method, path, None if body is None else json.dumps(body), JSON)
            answer = connection.getresponse()
            content: bytes = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:200]!r}")
        return content

    def answers(self, path: str) -> bool:
        """Tell whether a GET succeeds."""
        with contextlib.suppress(OSError, http.client.HTTPException, RuntimeError):
            self("GET", path)
            return True
        return False


class Restate:
    """A server and a service, called over HTTP."""

    def __init__(self, ingress: Http, children: dict[str, Child], pool: ThreadPoolExecutor) -> None:
        self._ingress = ingress
        self._children = children
        self._pool = pool

    async def start(self, name: str, steps: Steps) -> None:
        """Start a workflow; returns when it is in the log."""
        await self._call("POST", f"/three/{name}/run/send", list(steps))

    async def ended(self, name: str) -> None:
        """Wait until a workflow has completed; asks again while the server is away."""
        async with asyncio.timeout(CALL_TIMEOUT_S):
            while True:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    await self._call("GET", f"/restate/workflow/three/{name}/attach")
                    return
                await asyncio.sleep(AGAIN_S)

    async def run(self, name: str, steps: Steps) -> None:
        """Start a workflow and wait until it has completed, in one call."""
        await self._call("POST", f"/three/{name}/run", list(steps))

    async def kill(self, victim: str) -> float:
        """End the server or the service."""
        return await self._children[victim].kill_and_restart()

    async def _call(self, method: str, path: str, body: object = None) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._pool, self._ingress, method, path, body)


def _server_program() -> pathlib.Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    kind = f"{platform.system().lower()}-{machine}"
    packages = SERVER_ENVIRONMENT.folder / SERVER_ENVIRONMENT.name / "node_modules"
    program = packages / "@restatedev" / f"restate-server-{kind}" / "bin" / "restate-server"
    if not program.exists():
        raise AbsentError(f"its npm package brings no program for {kind}")
    return program


def _server(folder: pathlib.Path, port_base: int) -> Child:
    # Everything else is as it comes; it would listen on all addresses, and report its use.
    environ = {
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_BASE_DIR": str(folder / "data"),
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_LOG_FILTER": "warn",
        "RESTATE_LISTEN_MODE": "tcp",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_ADVERTISED_HOST": "127.0.0.1",
        "RESTATE_BIND_PORT": str(port_base),
        "RESTATE_INGRESS__BIND_PORT": str(port_base + 1),
        "RESTATE_ADMIN__BIND_PORT": str(port_base + 2),
    }
    return Child([_server_program(), "--no-logo"], folder / "server.log", environ)


@contextlib.asynccontextmanager
async def restate() -> AsyncIterator[System]:
    """Run a server and a service that it knows of."""
    for environment in (SERVER_ENVIRONMENT, SERVICE_ENVIRONMENT):
        await asyncio.to_thread(environment.ensure)
    port_base = free_port_base()
    service_port = port_base + 5
    admin, ingress = Http(port_base + 2), Http(port_base + 1)
    with tempfile.TemporaryDirectory(prefix="bench-restate-") as name:
        folder = pathlib.Path(name)
        server = _server(folder, port_base)
        service = Child(
            [SERVICE_ENVIRONMENT.interpreter, "-P", PROGRAM, str(service_port)],
            folder / "service.log",
            {"PYTHONPATH": ""},
        )
        with ThreadPoolExecutor(AT_ONCE) as pool:
            # Their data goes with them, and to drain takes each longer than is waited for.
            now = signal.SIGKILL
            async with running(server, now), running(service, now):
                await server.until(lambda: admin.answers("/health"))
                await server.until(lambda: ingress.answers("/restate/health"))
                await service.until(lambda: _knows(admin, service_port))
                yield Restate(ingress, {SERVER: server, SERVICE: service}, pool)


def _knows(admin: Http, service_port: int) -> bool:
    """Tell the server of the service; whether that succeeded."""
    with contextlib.suppress(OSError, http.client.HTTPException, RuntimeError):
        admin("POST", "/deployments", {"uri": f"http://127.0.0.1:{service_port}"})
        return True
    return False


CONTENDERS: Final = (
    Contender(
        "Restate 1.7",
        "started over HTTP; RocksDB, its log synced (default settings): on disk at once",
        restate,
        (SERVICE, SERVER),
        synced=True,
    ),
)
