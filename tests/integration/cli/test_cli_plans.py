"""Plans as task graphs on the command line, over the whole mesh."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adjutant_messages.adjutant.common.v1 import Money
from services.cli.amounts import money, money_of
from services.cli.exits import BadUseError
from tests.integration.cli.conftest import PROGRAM, Outcome, environment
from tests.support.identities import owner_token
from tests.support.mesh import mesh_in_process

Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
async def adjutant(tmp_path: Path) -> AsyncIterator[Run]:
    settings = {"retry_initial_s": 600.0, "retry_max_s": 600, "job_variables": ["PYTHONPATH"]}
    async with mesh_in_process(tmp_path / "data", **settings) as mesh:

        async def run(*arguments: str) -> Outcome:
            names = ("orchestrator", "agent_runner")
            where = [f"{name}=127.0.0.1:{mesh.port_base + n}" for n, name in enumerate(names, 1)]
            given = environment(
                ",".join(where),
                ADJUTANT_TOKEN=owner_token(tmp_path / "data"),
                ADJUTANT_CLIENT="acme",
                ADJUTANT_PROJECT="web",
            )
            process = await asyncio.create_subprocess_exec(
                PROGRAM,
                *arguments,
                env=given,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert "Traceback" not in err.decode()
            return Outcome(process.returncode or 0, out.decode(), err.decode())

        yield run


async def test_a_partial_success_shows_results_and_what_was_skipped(adjutant: Run) -> None:
    plan = (
        "- [ ] build\n  run: echo 1.2 > $ADJUTANT_RESULTS/version\n  gives: version text\n"
        "- [ ] bad\n  run: exit 3\n- [ ] after bad\n  after: bad\n  run: true\n"
    )
    handed_in = await adjutant("new", plan, "--keep-partial", "--max-parallel", "1", "--json")
    assert handed_in.code == 0, handed_in.err
    task = json.loads(handed_in.out)
    assert task["maxParallelSteps"] == 1
    done = await adjutant("watch", task["name"])
    assert done.code == 0, done.out
    shown = (await adjutant("status", task["name"])).out
    assert "1 step succeeded, 1 failed, 1 was skipped" in shown
    assert "Step 1 gave version (text): adjutant result" in shown
    assert "Step 3 was skipped. It waits for step 2 'bad', which failed." in shown
    run = shown.partition("adjutant result ")[2].split()[0]
    assert (await adjutant("result", run, "version")).out == "1.2\n"
    missing = await adjutant("result", run, "size")
    assert missing.code == 2
    assert "result.version" in missing.err


async def test_status_shows_when_a_step_is_tried_again_and_what_was_spent(adjutant: Run) -> None:
    report = f"{PROGRAM} report --cost '1.25 EUR' trying"
    plan = f"- [ ] flaky\n  run: {report}; exit 75\n"
    task = json.loads((await adjutant("new", plan, "--json")).out)["name"]
    async with asyncio.timeout(60):
        while "it is tried again at" not in (shown := (await adjutant("status", task)).out):
            await asyncio.sleep(0.2)
    assert "TEMPORARY_FAILURE" in shown
    assert "Spent 1.25 EUR" in shown


async def test_the_width_is_a_setting_of_the_project(adjutant: Run) -> None:
    changed = await adjutant("projects", "update", "web", "--max-parallel", "3")
    assert changed.code == 0, changed.err
    assert "3 steps of a task" in changed.out
    shown = (await adjutant("projects", "effective")).out
    assert "3 steps of a task  (clients/acme/projects/web)" in shown
    assert (await adjutant("projects", "update", "web", "--max-parallel", "many")).code == 2
    await adjutant("projects", "update", "web", "--max-parallel", "inherit")
    assert "16 steps of a task  (default)" in (await adjutant("projects", "effective")).out


def test_amounts_are_read_and_written() -> None:
    for text in ("1.25 EUR", "0.10 USD", "3.00 CHF", "0.000000001 EUR"):
        assert money([money_of(text)]) == text
    assert money_of("2EUR") == Money(currency_code="EUR", units=2)
    for wrong in ("1,25 EUR", "EUR 1", "-1 EUR", "1.25", "1 eur"):
        with pytest.raises(BadUseError):
            money_of(wrong)


async def test_an_estimate_says_what_it_stands_on(adjutant: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.md"
    plan.write_text("# Measured\n- [ ] one\n  run: sleep 0.2\n- [x] before\n")
    before = await adjutant("estimate", "--plan", str(plan))
    assert before.code == 0, before.err
    assert "No past run is like any of the steps" in before.out
    assert "ticked off" in before.out
    task = json.loads((await adjutant("new", "--plan", str(plan), "--json")).out)["name"]
    assert (await adjutant("watch", task)).code == 0
    async with asyncio.timeout(60):
        while "1 run of the same command" not in (
            shown := (await adjutant("estimate", "--plan", str(plan))).out
        ):
            await asyncio.sleep(0.2)
    assert "Measured · complexity 1" in shown
    assert "Estimate: 0." in shown
    other = (await adjutant("estimate", "- [ ] other\n  run: true\n")).out
    assert "1 run of the same agent" in other
    task = json.loads((await adjutant("new", "--plan", str(plan), "--json")).out)["name"]
    told = await adjutant("watch", task)
    assert "Estimate: 0." in told.out
    assert "It took " in told.out
    assert (await adjutant("estimate", "--plan", str(tmp_path / "none.md"))).code == 2
