"""`adjutant queue` and `adjutant tell`, on a real mesh whose passes wait."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.cli.conftest import PROGRAM, Outcome, environment
from tests.support.gate import Gate, hold_passes
from tests.support.identities import owner_token
from tests.support.mesh import MeshInProcess, mesh_in_process

PLAN = "- [ ] one\n  run: true\n"
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
async def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return hold_passes(monkeypatch)


@pytest.fixture
async def mesh(gate: Gate, tmp_path: Path) -> AsyncIterator[MeshInProcess]:
    async with mesh_in_process(tmp_path / "data", max_concurrent_orchestrations=1) as mesh:
        yield mesh
        gate.opened.set()


async def _run(mesh: MeshInProcess, *arguments: str, stdin: str = "") -> Outcome:
    address = f"orchestrator=127.0.0.1:{mesh.port_base + 1}"
    own = {"ADJUTANT_CLIENT": "acme", "ADJUTANT_PROJECT": "web"}
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        env=environment(address, ADJUTANT_TOKEN=owner_token(mesh.data_dir), **own),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin.encode()), 30)
    assert "Traceback" not in err.decode()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def _new(mesh: MeshInProcess, title: str, *options: str) -> str:
    done = await _run(mesh, "new", f"# {title}\n{PLAN}", "--json", *options)
    assert done.code == 0, done.err
    return str(json.loads(done.out)["name"].rpartition("/")[2])


def _places(out: str) -> dict[str, list[str]]:
    """Return the titles of each queue, in the order shown."""
    found: dict[str, list[str]] = {}
    for line in out.splitlines():
        words = line.split()
        if words[0] in ("foreground", "background"):
            found[words[0]] = []
        elif words[0].isdigit():
            *_, titles = found.values()
            assert int(words[0]) == len(titles) + 1
            titles.append(words[-1])
    return found


async def test_the_queues_are_shown_and_changed(mesh: MeshInProcess, gate: Gate) -> None:
    assert "Nothing waits" in (await _run(mesh, "queue")).out
    a, b, c = [await _new(mesh, title) for title in "abc"]
    x = await _new(mesh, "x", "--background")
    shown = await _run(mesh, "queue")
    assert _places(shown.out) == {"foreground": ["a", "b", "c"], "background": ["x"]}

    moved = await _run(mesh, "queue", "move", c, "--first")
    assert (moved.code, "waits in the foreground" in moved.out) == (0, True), moved.err
    await _run(mesh, "queue", "move", a, "--to", "background", "--before", x)
    await _run(mesh, "queue", "move", b, "--before", c)
    places = {"foreground": ["b", "c"], "background": ["a", "x"]}
    assert _places((await _run(mesh, "queue")).out) == places
    await _run(mesh, "queue", "move", a, "--last")
    await _run(mesh, "queue", "move", b, "--to", "background", "--last")
    places = {"foreground": ["c"], "background": ["x", "a", "b"]}
    assert _places((await _run(mesh, "queue")).out) == places
    listed = [json.loads(line) for line in (await _run(mesh, "queue", "--json")).out.splitlines()]
    assert [task["title"] for task in listed] == ["c", "x", "a", "b"]

    assert "It waits in the background" in (await _run(mesh, "status", x)).out
    table = (await _run(mesh, "status")).out.splitlines()
    assert table[0].split() == ["task", "state", "queue", "steps", "created", "title"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "say where to"),
        (("--first", "--last"), "say one place"),
        (("--to", "middle"), "no queue"),
    ],
)
async def test_bad_use_is_said(mesh: MeshInProcess, options: tuple[str, ...], said: str) -> None:
    done = await _run(mesh, "queue", "move", "whatever", *options)
    assert (done.code, said in done.err) == (2, True)


async def test_a_task_is_told_something(mesh: MeshInProcess, gate: Gate) -> None:
    task = await _new(mesh, "work")
    told = await _run(mesh, "tell", task, "mind the gap")
    assert (told.code, "Message 1" in told.out) == (0, True), told.err
    piped = await _run(mesh, "tell", task, stdin="- [ ] more\n  run: true\n")
    assert "adds step 2" in piped.out, piped.err
    as_text = await _run(mesh, "tell", task, "- [ ] yet more\n  run: true\n")
    assert "adds step 3" in as_text.out, as_text.err
    wrong = await _run(mesh, "tell", task, "- [ ] nothing\n")
    assert (wrong.code, "no `run:` line" in wrong.err) == (2, True)
    nothing = await _run(mesh, "tell", task, stdin=" ")
    assert (nothing.code, "nothing to tell" in nothing.err) == (2, True)
    assert "Messages: 3, 3 to be handed over" in (await _run(mesh, "status", task)).out

    gate.opened.set()
    watched = await _run(mesh, "watch", task)
    assert watched.code == 0, watched.err
    assert "mind the gap" in watched.out
    assert "message 2  handed over" in watched.out
    late = await _run(mesh, "tell", task, "too late")
    assert (late.code, "submit a new task" in late.err) == (2, True)
