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
    assert out == ""
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


CTRL_D = "\x04"


class Terminal:
    """A chat at a terminal, as a person has it."""

    def __init__(self, process: asyncio.subprocess.Process, terminal: int) -> None:
        self.process = process
        self._terminal = terminal
        self._seen = ""

    async def until(self, text: str) -> str:
        """Return what is shown before a text, which is awaited."""
        async with asyncio.timeout(PATIENCE_S):
            while text not in self._seen:
                with contextlib.suppress(OSError):  # nothing there yet, or the other side is closed
                    self._seen += os.read(self._terminal, 4096).decode()
                await asyncio.sleep(0.02)
        before, _, self._seen = self._seen.partition(text)
        return before

    async def types(self, text: str, prompt: str = "> ") -> str:
        """Type a line at the prompt; return what is shown before that."""
        before = await self.until(prompt)
        os.write(self._terminal, text.encode())
        return before

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), PATIENCE_S)


@contextlib.asynccontextmanager
async def at_terminal(mesh: MeshInProcess, *arguments: str) -> AsyncIterator[Terminal]:
    terminal, other = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "chat", *arguments, env=_environment(mesh), stdin=other, stdout=other, stderr=other
    )
    os.close(other)
    os.set_blocking(terminal, False)
    yield Terminal(process, terminal)
    os.close(terminal)


async def test_on_a_terminal_one_is_asked_again_and_again(mesh: MeshInProcess) -> None:
    async with at_terminal(mesh) as chat:
        await chat.types("one\n")
        await chat.until("You said: one")
        await chat.types("slow\n")
        await chat.until("word3 ")
        chat.process.send_signal(signal.SIGINT)
        await chat.until("(stopped)")
        await chat.types("two\n")
        await chat.until("You said: two")
        await chat.types('"""three\n')
        await chat.types('four"""\n', prompt=". ")
        await chat.until("You said: three\r\nfour")
        await chat.types("wrong\n")
        await chat.until("adjutant: ")
        await chat.types(CTRL_D)
        await chat.until("adjutant chat --session ")
        assert await chat.ended() == 0


async def test_a_chat_goes_on_where_an_answer_has_not_ended_and_makes_no_empty_session(
    mesh: MeshInProcess,
) -> None:
    async with client(mesh) as adjutant:
        async with at_terminal(mesh) as chat:
            await chat.types(CTRL_D)
            assert await chat.ended() == 0
        assert [one async for one in adjutant.sessions.list()] == []

        session = (await adjutant.sessions.create()).name
        await adjutant.responses.send(session, "slow")
        later = (await adjutant.sessions.create()).name  # used later, and nothing is made there
        async with at_terminal(mesh, "--new") as chat:
            assert "Going on" not in await chat.until("A new session")
            await chat.types(CTRL_D)
            assert await chat.ended() == 0
        async with at_terminal(mesh) as chat:
            await chat.until("Going on with the answer")
            await chat.until("word3 ")
            chat.process.send_signal(signal.SIGINT)
            await chat.until("(stopped)")
            await chat.until(f"Session {session}. ")
            await chat.types("one more\n")
            await chat.until("You said: one more")
            await chat.types(CTRL_D)
            assert await chat.ended() == 0
        assert {one.name async for one in adjutant.sessions.list()} == {session, later}
        assert (await adjutant.sessions.get(session)).message_count == 4


async def test_what_tasks_tell_is_shown_in_the_chat(tmp_path: Path) -> None:
    async with mesh_in_process(tmp_path) as mesh, at_terminal(mesh) as chat:
        await chat.types('"""do: # Greet\n- [ ] say hi\n  run: echo hi"""\n')
        await chat.until("Say yes")
        await chat.types("yes\n")
        await chat.until("Handed in")
        seen = ""
        async with asyncio.timeout(PATIENCE_S):
            while "is completed." not in seen:
                seen += await chat.types("\n")
                await asyncio.sleep(0.2)
        assert seen.count("has begun.") == seen.count("is completed.") == 1
        await chat.types(CTRL_D)
        assert await chat.ended() == 0
