"""`adjutant chat`, on a real mesh with the scripted model."""

import asyncio
import contextlib
import json
import os
import pty
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.client import Adjutant
from tests.integration.cli.conftest import PROGRAM, environment
from tests.support.identities import owner_token
from tests.support.mesh import MeshInProcess, mesh_in_process

PATIENCE_S = 30.0
WORDS = " ".join(f"word{number}" for number in range(400))


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[MeshInProcess]:
    """A mesh that answers `slow` slowly, `wrong` not at all, and anything else at once."""
    script, models = tmp_path / "script.yaml", tmp_path / "models.yaml"
    script.write_text(
        f'rules:\n  - {{match: slow, text: "{WORDS}", delay_s: 0.02}}\n'
        "  - {match: wrong, failure: {kind: refused}}\n"
        '  - {text: "You said: {message}"}\n'
    )
    models.write_text(f"providers:\n  - {{name: slow, kind: scripted, script: {script}}}\n")
    async with mesh_in_process(tmp_path / "mesh", models_file=models) as running:
        yield running


def _environment(mesh: MeshInProcess) -> dict[str, str]:
    return environment(
        "",
        ADJUTANT_ADDRESS=f"127.0.0.1:{mesh.port_base + 1}",
        ADJUTANT_TOKEN=owner_token(mesh.data_dir),
        ADJUTANT_CLIENT="acme",
        ADJUTANT_PROJECT="web",
    )


async def start(mesh: MeshInProcess, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        "chat",
        *arguments,
        env=_environment(mesh),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def ended(process: asyncio.subprocess.Process, said: str = "") -> tuple[int, str, str]:
    out, err = await asyncio.wait_for(process.communicate(said.encode()), PATIENCE_S)
    assert "Traceback" not in err.decode()
    return process.returncode or 0, out.decode(), err.decode()


@contextlib.asynccontextmanager
async def client(mesh: MeshInProcess) -> AsyncIterator[Adjutant]:
    address, token = f"127.0.0.1:{mesh.port_base + 1}", owner_token(mesh.data_dir)
    async with Adjutant(address, client="acme", project="web", token=token) as adjutant:
        yield adjutant


async def test_a_text_is_answered_and_piped_text_too(mesh: MeshInProcess) -> None:
    assert await ended(await start(mesh, "good day")) == (0, "You said: good day\n", "")
    code, out, _ = await ended(await start(mesh), "from a pipe")
    assert (code, out) == (0, "You said: from a pipe\n")
    code, _, err = await ended(await start(mesh), " \n")
    assert code == 2
    assert "nothing to say" in err
    code, out, err = await ended(await start(mesh, "wrong"))
    assert code == 1
    assert out == "\n"
    assert "adjutant: " in err
    code, out, _ = await ended(await start(mesh, "a b", "--json"))
    frames = [json.loads(line) for line in out.splitlines()]
    assert frames[-1]["ended"]["text"] == "You said: a b"


async def test_control_c_stops_the_answer_and_what_was_left_is_gone_on_with(
    mesh: MeshInProcess,
) -> None:
    async with client(mesh) as adjutant:
        session = (await adjutant.sessions.create()).name
        process = await start(mesh, "slow", "--session", session)
        assert process.stdout is not None
        begun = await asyncio.wait_for(process.stdout.readexactly(20), PATIENCE_S)
        process.send_signal(signal.SIGINT)
        code, rest, err = await ended(process)
        assert code == 130
        assert "(stopped)" in err
        (response,) = [one async for one in adjutant.responses.list(session)]
        assert response.state.name == "CANCELLED"
        assert response.text == (begun.decode() + rest).removesuffix("\n")
        assert len(response.text) < len(WORDS)

        left = await adjutant.responses.send(session, "slow")
        process = await start(mesh, "and now", "--session", session)
        code, out, err = await ended(process)
        assert code == 0
        assert "Going on" in err
        assert out == f"{WORDS}\nYou said: and now\n"
        assert (await adjutant.responses.get(left.name)).text == WORDS


async def test_on_a_terminal_one_is_asked_again_and_again(mesh: MeshInProcess) -> None:
    terminal, other = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "chat", env=_environment(mesh), stdin=other, stdout=other, stderr=other
    )
    os.close(other)
    os.set_blocking(terminal, False)
    seen = ""

    async def until(text: str) -> None:
        nonlocal seen
        async with asyncio.timeout(PATIENCE_S):
            while text not in seen:
                with contextlib.suppress(OSError):  # nothing there yet, or the other side is closed
                    seen += os.read(terminal, 4096).decode()
                await asyncio.sleep(0.02)
        seen = seen.partition(text)[2]

    await until("> ")
    os.write(terminal, b"one\n")
    await until("You said: one")
    await until("> ")
    os.write(terminal, b"slow\n")
    await until("word3 ")
    process.send_signal(signal.SIGINT)
    await until("(stopped)")
    await until("> ")
    os.write(terminal, b"two\n")
    await until("You said: two")
    await until("> ")
    os.write(terminal, b"\x04")  # Ctrl-D
    await until("adjutant chat --session ")
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    os.close(terminal)
