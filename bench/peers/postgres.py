"""A PostgreSQL of the bench's own: a cluster in a temporary folder, as Debian or a person has it.

PostgreSQL refuses to run as root; where the bench is root, it runs as `postgres` or `nobody`.
"""

import asyncio
import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator

from bench.peers.children import Child, running
from bench.peers.environment import AbsentError
from services.ports import free_port

PLACES = ("/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin")


def server_folder() -> pathlib.Path:
    """Return where `postgres` and `initdb` are; AbsentError where they are not."""
    found = shutil.which("postgres")
    folders = [pathlib.Path(found).parent] if found else []
    folders += [pathlib.Path(place) for pattern in PLACES for place in sorted(glob.glob(pattern))]
    for folder in folders:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise AbsentError(f"no PostgreSQL server on PATH, nor in {' or '.join(PLACES)}")


def _user() -> str | None:
    """Return as whom it must run; None for ourselves."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[str]:
    """Run a server with its default settings (fsync on) and give its URL without a database."""
    programs, user, port = server_folder(), _user(), free_port()
    with tempfile.TemporaryDirectory(prefix="bench-postgres-") as folder:
        home = pathlib.Path(folder)
        if user:
            shutil.chown(home, user)
        make = Child(
            [programs / "initdb", "-D", home / "data", "-U", "bench", "--auth=trust"],
            home / "initdb.log",
            user=user,
        )
        await make.start()
        if await asyncio.wait_for(make.process.wait(), 60):
            raise AbsentError(f"no cluster could be made: {make.last_words()}")
        command = [str(programs / "postgres"), "-D", str(home / "data")]
        where = ["-h", "127.0.0.1", "-p", str(port), "-k", ""]
        server = Child([*command, *where], home / "server.log", user=user)
        async with running(server, signal.SIGINT):
            await server.until(lambda: _answers(port))
            yield f"postgresql://bench@127.0.0.1:{port}"
