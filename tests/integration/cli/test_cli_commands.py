"""The commands about tasks, runs, approvals and events, against a double of the mesh."""

import asyncio
import json
import subprocess
from importlib import metadata

import pytest

from adjutant.common.v1 import failure_pb2
from adjutant.common.v1 import task_pb2 as parts
from tests.doubles.mesh import PROJECT, MeshDouble
from tests.integration.cli.conftest import PROGRAM, Cli, environment


async def test_status_without_tasks_tells_how_to_begin(cli: Cli) -> None:
    assert "adjutant new --plan FILE.md" in (await cli("status")).out


async def test_status_lists_tasks_newest_first(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_task("one", title="First")
    mesh.add_task("two", "FAILED", title="Second")
    done = await cli("status")
    assert done.code == 0
    assert "\x1b" not in done.out
    lines = done.out.splitlines()
    assert lines[0].split() == ["task", "state", "steps", "created", "title"]
    assert lines[1].split() == ["two", "FAILED", "Second"]
    assert lines[2].split() == ["one", "COMPLETED", "First"]
    listed = [json.loads(line) for line in (await cli("status", "--json")).out.splitlines()]
    assert [task["title"] for task in listed] == ["Second", "First"]


async def test_status_of_a_task_shows_steps_failure_and_the_way_on(
    cli: Cli, mesh: MeshDouble
) -> None:
    failure = failure_pb2.Failure(reason="ERROR_REASON_COMMAND_FAILED", message="exit code 3")
    step = parts.Step(
        number=1,
        title="build \x1b[31mred",
        state=parts.STEP_STATE_FAILED,
        run=f"{PROJECT}/runs/r1",
        failure=failure,
    )
    mesh.add_task("t", "FAILED", title="Build", steps=[step])
    done = await cli("status", "t")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert "Step 1 failed, COMMAND_FAILED: exit code 3" in done.out
    assert "adjutant logs r1" in done.out
    assert "adjutant retry t" in done.out


async def test_an_unique_beginning_of_an_id_is_enough(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_task("0199-aa")
    mesh.add_task("0199-ab")
    by_prefix = await cli("status", "0199-aa", "--json")
    assert json.loads(by_prefix.out)["name"].endswith("0199-aa")
    by_name = await cli("status", f"{PROJECT}/tasks/0199-ab", "--json")
    assert json.loads(by_name.out)["name"].endswith("0199-ab")
    ambiguous = await cli("status", "0199")
    assert ambiguous.code == 2
    assert "2 tasks begin with '0199': 0199-ab, 0199-aa; say more of the id" in ambiguous.err
    none = await cli("status", "7")
    assert none.code == 2
    assert "`adjutant status` lists the tasks" in none.err


@pytest.mark.parametrize("verb", ["cancel", "retry", "status", "watch"])
async def test_an_empty_id_means_no_task_also_where_there_is_but_one(
    cli: Cli, mesh: MeshDouble, verb: str
) -> None:
    mesh.add_task("t", "FAILED")
    done = await cli(verb, "")
    assert done.code == 2
    assert done.err == "adjutant: an empty id names no task; `adjutant status` lists the tasks\n"


async def test_an_empty_id_answers_no_approval(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_approval("ap-1", task=f"{PROJECT}/tasks/t")
    assert (await cli("approve", "")).code == 2
    assert not mesh.requests


async def test_a_name_of_something_else_is_bad_use(cli: Cli) -> None:
    done = await cli("status", f"{PROJECT}/runs/r")
    assert done.code == 2
    assert "is no name of a task" in done.err


async def test_a_reader_that_has_seen_enough_is_no_failure(cli: Cli, mesh: MeshDouble) -> None:
    for number in range(3000):
        mesh.add_task(f"t-{number}")
    for more in ((), ("--json",)):
        shown = subprocess.Popen(
            [PROGRAM, "status", *more],
            env=environment(mesh.address),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert shown.stdout
        assert shown.stderr
        shown.stdout.close()
        assert await asyncio.to_thread(shown.wait, 30) == 0
        assert shown.stderr.read() == b""
        shown.stderr.close()


async def test_a_task_that_is_not_there_is_bad_use(cli: Cli) -> None:
    done = await cli("watch", "0" * 36)
    assert done.code == 2
    assert "there is no" in done.err


async def test_cancel_and_retry_tell_the_state(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_task("t", "FAILED")
    assert "Task t is QUEUED. Follow it: adjutant watch t" in (await cli("retry", "t")).out
    done = await cli("cancel", "t", "--json")
    assert json.loads(done.out)["state"] == "TASK_STATE_CANCELLING"
    refused = await cli("retry", "t")
    assert refused.code == 2
    assert "the task did not fail" in refused.err


async def test_logs_and_patch_are_printed_as_they_are(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_run("run-1", output="häuser\n".encode(), patch=b"--- a/x\n+++ b/x\n")
    assert (await cli("logs", "run-1")).out == "häuser\n"
    assert (await cli("patch", "run-1")).out == "--- a/x\n+++ b/x\n"


async def test_approvals_are_listed_with_the_way_to_answer(cli: Cli, mesh: MeshDouble) -> None:
    assert "Nothing waits" in (await cli("approvals")).out
    mesh.add_approval("ap-1", task=f"{PROJECT}/tasks/t")
    done = await cli("approvals")
    assert "Commit 1 file to main" in done.out
    assert "adjutant approve|deny ap-1" in done.out
    assert json.loads((await cli("approvals", "--json")).out)["state"] == "APPROVAL_STATE_PENDING"


@pytest.mark.parametrize(("verb", "state"), [("approve", "APPROVED"), ("deny", "DENIED")])
async def test_an_answer_shows_what_it_is_for_and_sends_its_digest(
    cli: Cli, mesh: MeshDouble, verb: str, state: str
) -> None:
    mesh.add_approval("ap-1", task=f"{PROJECT}/tasks/t")
    done = await cli(verb, "ap", "--reason", "because")
    assert done.code == 0
    assert "branch      main" in done.out
    assert "files       a.txt" in done.out
    assert f"{state}. Follow the task: adjutant watch t" in done.out
    assert mesh.requests[-1].action_digest == "d" * 64
    assert mesh.requests[-1].reason == "because"


async def test_a_job_reports_through_its_environment(cli: Cli, mesh: MeshDouble) -> None:
    job = {
        "ADJUTANT_RUN": f"{PROJECT}/runs/r",
        "ADJUTANT_REPORT_TOKEN": "secret",
        "ADJUTANT_RUNNER_ADDRESS": mesh.address,
    }
    assert (await cli("report", "--percent", "40", "compiling", **job)).code == 0
    assert (mesh.requests[-1].percent, mesh.requests[-1].message) == (40, "compiling")
    assert (await cli("report", **job)).code == 0
    assert not mesh.requests[-1].HasField("percent")
    assert "being cancelled" in (await cli("report", "cancel me", **job)).err
    refused = await cli("report", **{**job, "ADJUTANT_REPORT_TOKEN": "guess"})
    assert refused.code == 2
    outside = await cli("report", "x")
    assert outside.code == 2
    assert "only inside a job" in outside.err


async def test_a_reason_may_begin_like_a_checklist(cli: Cli, mesh: MeshDouble) -> None:
    mesh.add_approval("ap-1", task=f"{PROJECT}/tasks/t")
    assert (await cli("deny", "ap", "--reason", "- not today")).code == 0
    assert mesh.requests[-1].reason == "- not today"


async def test_it_tells_its_version(cli: Cli) -> None:
    done = await cli("--version")
    assert (done.code, done.out) == (0, f"adjutant {metadata.version('adjutant')}\n")


async def test_help_names_every_command(cli: Cli) -> None:
    done = await cli()
    assert done.code == 0
    for command in (
        "up",
        "new",
        "status",
        "watch",
        "logs",
        "approvals",
        "approve",
        "deny",
        "choose",
    ):
        assert f"\n  {command} " in done.out
    for command in ("cancel", "retry", "events", "config", "patch", "report"):
        assert f"\n  {command} " in done.out


async def test_an_unknown_event_kind_names_those_there_are(cli: Cli) -> None:
    done = await cli("events", "--kind", "nonsense")
    assert done.code == 2
    assert "task-state-changed" in done.err


async def test_a_group_of_commands_alone_shows_them_as_help_does(cli: Cli) -> None:
    alone, helped = await cli("keys"), await cli("keys", "--help")
    assert alone.code == 2
    assert alone.err.strip() == helped.out.strip()
