"""The command line over a real mesh: `adjutant up`, with every service a process."""

import asyncio
import contextlib
import json
import os
import pathlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psutil
import pytest

from services.ports import free_port_base
from tests.integration.cli.conftest import PROGRAM, Outcome

PATIENCE_S = 60.0
PLAN = """\
# Write two files

- [ ] one
  run: echo making one; echo 1 > one.txt
- [ ] two
  run: sleep 1; echo 2 > two.txt
- [ ] both
  after: one, two
  run: cat one.txt two.txt > both.txt
"""

Adjutant = Callable[..., Awaitable[Outcome]]


def _environment(tmp_path: pathlib.Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ADJUTANT_")}
    path = f"{PROGRAM.parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "ADJUTANT_DATA_DIR": str(tmp_path / "data")}


@contextlib.asynccontextmanager
async def _mesh(tmp_path: pathlib.Path, *options: str) -> AsyncIterator[psutil.Process]:
    with (tmp_path / "up.log").open("ab") as said:
        up = await asyncio.create_subprocess_exec(
            PROGRAM,
            "up",
            *options,
            env=_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not (tmp_path / "data" / "mesh.json").exists():
                assert up.returncode is None, (tmp_path / "up.log").read_text()
                await asyncio.sleep(0.05)
        yield psutil.Process(up.pid)
    finally:
        if up.returncode is None:
            up.terminate()
        assert await asyncio.wait_for(up.wait(), PATIENCE_S) == 0, (tmp_path / "up.log").read_text()


@pytest.fixture
def adjutant(tmp_path: pathlib.Path) -> Adjutant:
    async def run(*arguments: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            cwd=tmp_path,
            env=_environment(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert "Traceback" not in err.decode()
        return Outcome(process.returncode or 0, out.decode(), err.decode())

    return run


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    folder = tmp_path / "repository"
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-C", str(folder)]
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "start"], check=True)
    return folder


def _json(outcome: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outcome.out.splitlines()]


async def _approval(adjutant: Adjutant) -> str:
    async with asyncio.timeout(PATIENCE_S):
        while not (waiting := _json(await adjutant("approvals", "--json"))):
            await asyncio.sleep(0.1)
    return str(waiting[0]["name"])


@pytest.mark.parametrize("options", [(), ("--single-process",)])
async def test_a_task_goes_its_way_and_its_data_survives_a_restart(
    tmp_path: pathlib.Path,
    adjutant: Adjutant,
    repository: pathlib.Path,
    options: tuple[str, ...],
) -> None:
    port_base = str(free_port_base())
    (tmp_path / "plan.md").write_text(PLAN)
    async with _mesh(tmp_path, "--port-base", port_base, *options):
        submitted = ("new", "--plan", "plan.md", "--repo", "repository", "--branch", "done")
        watching = asyncio.ensure_future(adjutant(*submitted, "--watch"))
        approved = await adjutant("approve", await _approval(adjutant), "--reason", "fine")
        assert approved.code == 0, approved.err
        done = await watching
        assert done.code == 0, done.out + done.err
        assert "[1] making one" in done.out
    log = ["git", "-C", str(repository), "show", "--format=%s", "--name-only", "done"]
    shown = subprocess.run(log, check=True, capture_output=True, text=True).stdout
    assert shown.split() == ["Write", "two", "files", "both.txt", "one.txt", "two.txt"]
    async with _mesh(tmp_path, "--port-base", port_base, *options):
        (task,) = _json(await adjutant("status", "--json"))
        assert task["state"] == "TASK_STATE_COMPLETED"
        logs = await adjutant("logs", task["steps"][0]["run"])
        assert logs.out == "making one\n"
        patch = await adjutant("patch", task["steps"][2]["run"])
        assert "+++ b/both.txt" in patch.out
        *frames, last = _json(await adjutant("watch", task["name"], "--json"))
        assert last["name"] == task["name"]
        assert len({frame["event"]["eventId"] for frame in frames if "event" in frame}) > 10


async def test_a_task_that_fails_is_denied_or_cancelled_is_exit_code_1(
    tmp_path: pathlib.Path, adjutant: Adjutant, repository: pathlib.Path
) -> None:
    async with _mesh(tmp_path, "--port-base", str(free_port_base())):
        failed = await adjutant("new", "- [ ] a\n  run: exit 3", "--watch")
        assert failed.code == 1
        assert "COMMAND_FAILED" in failed.out
        assert "adjutant retry" in failed.out

        plan = "- [ ] a\n  run: echo > a"
        watching = asyncio.ensure_future(adjutant("new", plan, "--repo", "repository", "--watch"))
        assert (await adjutant("deny", await _approval(adjutant), "--reason", "no")).code == 0
        assert (await watching).code == 1

        (slow,) = _json(await adjutant("new", "- [ ] a\n  run: sleep 300", "--json"))
        watching = asyncio.ensure_future(adjutant("watch", slow["name"]))
        assert (await adjutant("cancel", slow["name"])).code == 0
        assert (await watching).code == 1


async def test_a_bad_plan_names_its_line(tmp_path: pathlib.Path, adjutant: Adjutant) -> None:
    async with _mesh(tmp_path, "--port-base", str(free_port_base())):
        cycle = "- [ ] a\n  run: true\n  after: b\n- [ ] b\n  run: true\n  after: a"
        refused = await adjutant("new", cycle)
        assert refused.code == 2
        assert refused.err.count("\n") == 1
        no_plan = await adjutant("new", "please tidy up")
        assert no_plan.code == 2
        assert "checklist" in no_plan.err


async def test_watching_sees_each_event_once_whatever_is_killed(
    tmp_path: pathlib.Path, adjutant: Adjutant
) -> None:
    async with _mesh(tmp_path, "--port-base", str(free_port_base())) as up:
        begun = tmp_path / "begun"
        plan = f"- [ ] a\n  run: touch {begun}; sleep 4\n- [ ] b\n  after: a\n  run: sleep 2"
        watching = asyncio.ensure_future(adjutant("new", plan, "--watch", "--json"))
        while not (begun.exists() or watching.done()):
            await asyncio.sleep(0.05)
        for part in ("services.orchestrator", "nats-server", "services.agent_runner"):
            for child in up.children():
                if part in " ".join(child.cmdline()):
                    child.kill()
            await asyncio.sleep(1.0)
        done = await watching
        assert done.code == 0, done.out + done.err
        *frames, task = _json(done)
        ids = [frame["event"]["eventId"] for frame in frames if "event" in frame]
        again = _json(await adjutant("watch", task["name"], "--json"))[:-1]
    assert len(ids) == len(set(ids))
    assert ids == [frame["event"]["eventId"] for frame in again if "event" in frame]
