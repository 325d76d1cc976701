"""Approvals on the command line and through the typed client, against a real mesh."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adjutant.common.v1 import approval_pb2 as states
from adjutant.common.v1 import task_pb2 as task_states
from adjutant.orchestrator.v1 import approval_service_pb2
from adjutant_messages.adjutant.common.v1 import ApprovalState, Risk
from services import client as api
from services.client.approvals import APPROVE, DENY, answer
from tests.support.approvals import get, request, tool
from tests.support.mesh import MeshInProcess, git, make_repository, mesh_in_process

PROGRAM = Path(sys.executable).with_name("adjutant")
PLAN = "# Change\n- [ ] write\n  run: echo a > a.txt\n"
Cli = Callable[..., Awaitable[tuple[int, str]]]


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[MeshInProcess]:
    async with mesh_in_process(tmp_path / "data") as mesh:
        yield mesh


@pytest.fixture
def cli(mesh: MeshInProcess) -> Cli:
    async def run(*arguments: str) -> tuple[int, str]:
        """Return the exit code, and all that was printed."""
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *arguments,
            env={
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": ":".join(sys.path),
                "COLUMNS": "200",
                "ADJUTANT_ADDRESS": f"127.0.0.1:{mesh.port_base + 1}",
                "ADJUTANT_TOKEN": (mesh.data_dir / "owner.token").read_text().strip(),
                "ADJUTANT_CLIENT": "acme",
                "ADJUTANT_PROJECT": "web",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await asyncio.wait_for(process.communicate(), 30)
        assert "Traceback" not in out.decode()
        return process.returncode or 0, out.decode()

    return run


def id_of(name: str) -> str:
    return name.rpartition("/")[2]


async def test_what_waits_is_shown_with_its_risk_and_the_time_left(
    cli: Cli, mesh: MeshInProcess
) -> None:
    asked = await request(mesh.caller, tool("deploy", to="production"))
    _, listed = await cli("approvals")
    row = next(line for line in listed.splitlines() if id_of(asked.name) in line)
    assert "PENDING" in row
    assert "tool" in row
    assert "high" in row
    assert " 9 min" in row
    _, shown = await cli("approvals", id_of(asked.name))
    assert "to          production" in shown
    assert asked.action_digest in shown
    assert f"requested by {asked.requester}: Use deploy" in shown


async def test_a_plan_is_shown_with_what_its_steps_would_run(cli: Cli, mesh: MeshInProcess) -> None:
    await cli("projects", "update", "web", "--plan-approval-complexity", "0")
    first = "- [ ] write\n  verify: test -s a\n\n  ```sh\n  echo a > a\n  echo b >> a\n  ```\n"
    plan = f"{first}- [ ] read\n  run: cat a\n"
    task = await mesh.caller.submit(plan)
    asked = await mesh.caller.pending_approval(task.name)
    _, shown = await cli("approvals", id_of(asked.name))
    lines = [line.strip() for line in shown.splitlines()]
    start = lines.index("step 1      write")
    assert lines[start : start + 4] == [
        "step 1      write",
        "run         echo a > a",
        "echo b >> a",
        "verify      test -s a",
    ]
    edit = {"omitted_steps": [2]}
    await mesh.caller.approvals.DecideApproval(
        approval_service_pb2.DecideApprovalRequest(
            name=asked.name, decision="DECISION_APPROVE", edited_plan=edit
        )
    )
    await mesh.caller.finished(task.name)
    _, status = await cli("status", id_of(task.name))
    assert "Step 2 was left out by whoever approved the plan." in status


async def test_several_are_answered_at_once(cli: Cli, mesh: MeshInProcess) -> None:
    one, two, three = [await request(mesh.caller) for _ in range(3)]
    code, _ = await cli("deny", id_of(two.name))
    assert code == 0
    ids = [id_of(each.name) for each in (one, two, three)]
    code, said = await cli("approve", *ids, "--reason", "all fine")
    assert code == 2, "one of them was not taken"
    assert f"{ids[0]}: APPROVED." in said
    assert f"{ids[1]}: APPROVAL_DECIDED" in said
    assert (await get(mesh.caller, three.name)).reason == "all fine"
    _, stats = await cli("approvals", "stats")
    assert "2           approved by person" in stats
    assert "approved    67%" in stats


async def test_an_edit_is_what_is_committed(cli: Cli, mesh: MeshInProcess, tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    task = await mesh.caller.submit(PLAN, repo)
    asked = await mesh.caller.pending_approval(task.name)
    edit = ("--edit-message", "Say a", "--branch", "feature/a")
    code, _ = await cli("approve", id_of(asked.name), *edit)
    assert code == 0
    await mesh.caller.finished(task.name)
    assert git(repo, "log", "-1", "--format=%s", "feature/a") == "Say a"
    code, said = await cli("approve", "a", "b", "--branch", "x")
    assert (code, "one approval at a time" in said) == (2, True)


async def test_a_choice_lets_a_stuck_task_go_on(cli: Cli, mesh: MeshInProcess) -> None:
    plan = "# Two\n- [ ] bad\n  run: exit 1\n- [ ] good\n  run: true\n"
    code, _ = await cli("new", plan, "--escalate")
    assert code == 0
    (task,) = [one async for one in _tasks(mesh)]
    asked = await mesh.caller.pending_approval(task)
    _, listed = await cli("approvals")
    assert f"adjutant choose {asked.name} CHOICE" in listed
    _, shown = await cli("approvals", id_of(asked.name))
    assert "choice go-on-without" in shown
    code, said = await cli("choose", id_of(asked.name), "fly")
    assert code == 2
    assert "try-again, go-on-without, give-up" in said
    code, _ = await cli("choose", id_of(asked.name), "go-on-without")
    assert code == 0
    assert (await mesh.caller.finished(task)).state == task_states.TASK_STATE_COMPLETED


async def _tasks(mesh: MeshInProcess) -> AsyncIterator[str]:
    async with client_of(mesh) as adjutant:
        async for task in adjutant.tasks.list():
            yield task.name


async def test_rules_are_set_and_shown(cli: Cli, mesh: MeshInProcess) -> None:
    rules = (
        "auto-approve-low-risk=yes",
        "approval-timeout-medium=90s",
        "approval-timeout-high=2m",
        "escalation-policy=ask",
        "max-step-iterations=3",
        "cost-limit=2.5 EUR",
    )
    options = [word for rule in rules for word in ("--set", rule)]
    code, said = await cli("projects", "update", "web", *options)
    assert code == 0
    for line in ("auto-approve-low-risk = yes", "high = 120s", "cost-limit = 2.50 EUR"):
        assert line in said
    _, said = await cli("projects", "update", "web", "--set", "cost-limit=inherit")
    assert "cost-limit" not in said
    assert "max-step-iterations = 3" in said
    for wrong in ("colour=red", "cost-limit", "escalation-policy=maybe", "cost-limit=much"):
        assert (await cli("projects", "update", "web", "--set", wrong))[0] == 2


def client_of(mesh: MeshInProcess) -> api.Adjutant:
    return api.Adjutant(
        f"127.0.0.1:{mesh.port_base + 1}",
        client="acme",
        project="web",
        token=(mesh.data_dir / "owner.token").read_text().strip(),
    )


async def test_the_typed_client_asks_answers_and_counts(mesh: MeshInProcess) -> None:
    async with client_of(mesh) as adjutant:
        first = await adjutant.approvals.request("write_file", {"path": "a"}, risk=Risk.HIGH)
        assert first.risk == Risk.HIGH
        second = await adjutant.approvals.request("write_file", {"path": "b"})
        answers = [
            answer(first.name, APPROVE, digest=first.action_digest),
            answer(second.name, DENY),
        ]
        results = await adjutant.approvals.decide_many(answers)
        decided = [result.approval.state for result in results if result.approval]
        assert decided == [ApprovalState.APPROVED, ApprovalState.DENIED]
        found = await adjutant.approvals.statistics()
        assert found.approval_rate == 0.5
    stored = await get(mesh.caller, first.name)
    assert stored.state == states.APPROVAL_STATE_APPROVED
