"""`adjutant schedules`, on a real mesh."""

import asyncio
import json
from pathlib import Path

from tests.integration.cli.conftest import PROGRAM, Outcome, environment
from tests.support.identities import owner_token
from tests.support.mesh import MeshInProcess, mesh_in_process


async def start(mesh: MeshInProcess, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        env=environment(
            "",
            ADJUTANT_ADDRESS=f"127.0.0.1:{mesh.port_base + 1}",
            ADJUTANT_TOKEN=owner_token(mesh.data_dir),
            ADJUTANT_CLIENT="acme",
            ADJUTANT_PROJECT="web",
        ),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def adjutant(mesh: MeshInProcess, *arguments: str) -> Outcome:
    process = await start(mesh, *arguments)
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert "Traceback" not in err.decode()
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def test_a_schedule_is_made_looked_at_changed_run_and_removed(tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("# Tidy up\n- [ ] say\n  run: true\n")
    async with mesh_in_process(tmp_path / "mesh") as mesh:
        empty = await adjutant(mesh, "schedules", "list")
        assert "There are none" in empty.out
        made = await adjutant(
            mesh,
            *("schedules", "create", "nightly", "--cron", "30 2 * * *", "--plan", str(plan)),
            *("--time-zone", "Europe/Prague", "--title", "Each night", "--missed", "skip"),
        )
        assert made.code == 0, made.err
        assert "30 2 * * *  (Europe/Prague)" in made.out
        assert made.out.count("  next ") == 5
        listed = await adjutant(mesh, "schedules", "list")
        assert "Each night" in listed.out
        paused = await adjutant(mesh, "schedules", "pause", "nightly")
        assert "paused" in paused.out
        assert "paused" not in (await adjutant(mesh, "schedules", "resume", "nightly")).out
        changed = await adjutant(mesh, "schedules", "update", "nightly", "--cron", "0 4 * * *")
        assert "0 4 * * *  (Europe/Prague)" in changed.out
        run = await adjutant(mesh, "schedules", "run", "nightly", "--json")
        task = json.loads(run.out)["name"]
        assert (await mesh.caller.finished(task)).title == "Tidy up"
        shown = json.loads((await adjutant(mesh, "schedules", "show", "nightly", "--json")).out)
        assert shown["missedTickPolicy"] == "MISSED_TICK_POLICY_SKIP"
        assert (await adjutant(mesh, "schedules", "delete", "nightly")).code == 0


async def test_what_is_wrong_is_told_with_what_to_do(tmp_path: Path) -> None:
    async with mesh_in_process(tmp_path) as mesh:
        create = ("schedules", "create", "x", "--text", "- [ ] a\n  run: true\n")
        wrong = await adjutant(mesh, *create, "--cron", "each day")
        assert wrong.code != 0
        assert "30 9 * * MON-FRI" in wrong.err
        assert (
            "skip, allow"
            in (await adjutant(mesh, *create, "--cron", "0 0 * * *", "--overlap", "maybe")).err
        )
        missing = await adjutant(mesh, "schedules", "update", "x")
        assert "nothing to change" in missing.err
