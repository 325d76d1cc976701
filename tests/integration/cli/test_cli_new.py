"""`adjutant new` as a process, against a double of the mesh."""

import json
import pathlib
import subprocess

import pytest

from adjutant.orchestrator.v1 import task_pb2
from services.ports import OFFSETS
from tests.doubles.mesh import PROJECT, MeshDouble
from tests.integration.cli.conftest import Cli

PLAN = "# A plan\n\n- [ ] greet\n  run: echo hello\n"


async def test_a_text_is_handed_in_and_the_way_on_is_told(cli: Cli, mesh: MeshDouble) -> None:
    done = await cli("new", PLAN)
    assert done.code == 0
    assert done.out == "Task task-1 is accepted: A plan\nFollow it: adjutant watch task-1\n"
    assert mesh.requests[0].instructions == PLAN
    assert mesh.requests[0].request_id


async def test_a_plan_comes_from_a_file_or_from_standard_input(
    cli: Cli, mesh: MeshDouble, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "plan.md").write_text(PLAN)
    assert (await cli("new", "--plan", "plan.md")).code == 0
    assert (await cli("new", "--plan", "-", stdin=PLAN + "x")).code == 0
    assert [request.instructions for request in mesh.requests] == [PLAN, PLAN + "x"]


async def test_json_is_the_task_as_the_contract_has_it(cli: Cli) -> None:
    done = await cli("new", PLAN, "--json")
    task = json.loads(done.out)
    assert task["name"] == f"{PROJECT}/tasks/task-1"
    assert task["state"] == "TASK_STATE_QUEUED"


async def test_client_and_project_come_from_options_or_the_environment(
    cli: Cli, mesh: MeshDouble
) -> None:
    await cli("new", PLAN, "--client", "acme", ADJUTANT_PROJECT="site")
    assert mesh.requests[0].parent == "clients/acme/projects/site"


async def test_yes_approves_beforehand(cli: Cli, mesh: MeshDouble) -> None:
    await cli("new", PLAN, "--yes")
    assert mesh.requests[0].approval_policy == task_pb2.APPROVAL_POLICY_APPROVE


async def test_a_relative_repository_becomes_absolute(
    cli: Cli, mesh: MeshDouble, tmp_path: pathlib.Path
) -> None:
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    done = await cli("new", PLAN, "--repo", "repo", "--branch", "b", "--revision", "main")
    assert done.code == 0
    repository = mesh.requests[0].repository
    assert repository.uri == str(tmp_path / "repo")
    assert (repository.branch, repository.revision) == ("b", "main")


@pytest.mark.parametrize("url", ["https://example.org/a.git", "git@example.org:a.git", "file:///a"])
async def test_a_url_is_passed_on(cli: Cli, mesh: MeshDouble, url: str) -> None:
    await cli("new", PLAN, "--repo", url)
    assert mesh.requests[0].repository.uri == url


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "say what to do: either a TEXT or --plan FILE.md"),
        (("text", "--plan", "x.md"), "say what to do"),
        (("--plan", "missing.md"), "the plan missing.md cannot be read: No such file"),
        ((PLAN, "--repo", "missing"), "there is no directory"),
        ((PLAN, "--repo", "."), "is no git repository; name its top directory"),
        ((PLAN, "--branch", "b"), "mean nothing without --repo"),
        ((PLAN, "--client", "A B"), "the client 'A B' is no id"),
        ((PLAN, "--address", "nonsense"), "neither HOST:PORT nor service=HOST:PORT"),
        (("do something",), "the text holds no checklist"),
        (("--nope",), "No such option: --nope; see `adjutant new --help`"),
    ],
)
async def test_bad_use_is_one_plain_line_and_exit_code_2(
    cli: Cli, arguments: tuple[str, ...], complaint: str
) -> None:
    done = await cli("new", *arguments)
    assert done.code == 2
    assert complaint in done.err
    assert done.err.count("\n") == 1
    assert done.out == ""


async def test_nobody_there_is_exit_code_3(cli: Cli) -> None:
    done = await cli("new", PLAN, "--address", "127.0.0.1:1")
    assert done.code == 3
    assert "adjutant up" in done.err
    assert done.err.count("\n") == 1


async def test_a_data_directory_leads_to_its_mesh(
    cli: Cli, mesh: MeshDouble, tmp_path: pathlib.Path
) -> None:
    found = {"addresses": dict.fromkeys(OFFSETS, mesh.address)}
    (tmp_path / "mesh.json").write_text(json.dumps(found))
    done = await cli("new", PLAN, ADJUTANT_ADDRESS="", ADJUTANT_DATA_DIR=str(tmp_path))
    assert done.code == 0


async def test_a_byte_order_mark_is_no_part_of_the_plan(
    cli: Cli, mesh: MeshDouble, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "plan.md").write_text(PLAN, encoding="utf-8-sig")
    assert (await cli("new", "--plan", "plan.md")).code == 0
    assert mesh.requests[0].instructions == PLAN


@pytest.mark.parametrize("arguments", [("",), (" ",), ("--plan", "-"), (PLAN, "--repo", "")])
async def test_what_is_empty_is_said_so_and_nothing_is_handed_in(
    cli: Cli, mesh: MeshDouble, arguments: tuple[str, ...]
) -> None:
    done = await cli("new", *arguments)
    assert done.code == 2
    assert " is empty; " in done.err
    assert not mesh.requests
