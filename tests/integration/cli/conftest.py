import asyncio
import os
import pathlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from tests.doubles.mesh import MeshDouble

PROGRAM = pathlib.Path(sys.executable).parent / "adjutant"


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Cli = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def mesh() -> AsyncIterator[MeshDouble]:
    double = MeshDouble()
    await double.start()
    yield double
    await double.stop()


def environment(address: str, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ADJUTANT_")}
    return {**kept, "ADJUTANT_ADDRESS": address, "COLUMNS": "120", **more}


@pytest.fixture
def cli(mesh: MeshDouble, tmp_path: pathlib.Path) -> Cli:
    async def run(*arguments: str, stdin: str = "", **environ: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            cwd=tmp_path,
            env=environment(mesh.address, **environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
        assert "Traceback" not in err.decode()
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    return run
