"""The mesh of the demo: `adjutant up` as a process, which ends with the demo."""

import asyncio
import contextlib
import os
import pathlib
import sys
from collections.abc import AsyncIterator
from typing import Final

from services.cli.demo.repository import environment
from services.cli.exits import BadUseError

MESH_FILE: Final = "mesh.json"
_POLL_INTERVAL_S: Final = 0.05
_STOP_TIMEOUT_S: Final = 30.0


@contextlib.asynccontextmanager
async def own_mesh(data_dir: pathlib.Path, port_base: int) -> AsyncIterator[pathlib.Path]:
    """Run a mesh for a block of code, and yield the file of what it says.

    Raises BadUseError, with what it said, where it does not start.
    """
    said = data_dir.with_name("up.log")
    where = ["--data-dir", str(data_dir), "--port-base", str(port_base)]
    # A mesh ends when the other end of this pipe is closed, even if we are killed.
    watched, ours = os.pipe()
    with said.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "services.cli.main",
            "up",
            *where,
            env={**environment(), "ADJUTANT_PARENT_FD": str(watched)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(watched,),
            start_new_session=True,  # Ctrl-C is for the demo, which then stops the mesh
        )
    os.close(watched)
    try:
        while not (data_dir / MESH_FILE).exists():
            if process.returncode is not None:
                raise BadUseError(f"the mesh did not start: {said.read_text().strip()}")
            await asyncio.sleep(_POLL_INTERVAL_S)
        yield said
    finally:
        os.close(ours)
        await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        await asyncio.wait_for(process.wait(), _STOP_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
