"""What the hierarchy means for work: who asked, who decided, and what is left at the end."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from adjutant.agent_runner.v1 import run_service_pb2
from adjutant.common.v1 import approval_pb2 as approval_states
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    member_service_pb2,
    member_service_pb2_grpc,
    project_pb2,
    project_service_pb2,
    settings_pb2,
    task_pb2,
    task_service_pb2,
)
from tests.integration.tenancy.conftest import eventually
from tests.support.access import owner_of, showing
from tests.support.identities import Issuer
from tests.support.mesh import PROJECT, Caller, MeshInProcess, make_repository, mesh_in_process

PLAN = "# Greet\n\n- [ ] write\n  run: echo hello > greeting.txt"


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path / "issuer")


@pytest.fixture
async def mesh(tmp_path: Path, issuer: Issuer) -> AsyncIterator[MeshInProcess]:
    async with mesh_in_process(tmp_path / "data", jwt_issuers=[issuer.setting]) as running:
        yield running


@contextlib.asynccontextmanager
async def editor(mesh: MeshInProcess, issuer: Issuer, subject: str) -> AsyncIterator[Caller]:
    """Make somebody an editor of the project, and be them."""
    channel = grpc.aio.insecure_channel(
        f"127.0.0.1:{mesh.port_base + 1}", interceptors=showing(owner_of(mesh.data_dir))
    )
    members = member_service_pb2_grpc.MemberServiceStub(channel)
    await members.SetMember(
        member_service_pb2.SetMemberRequest(
            parent=PROJECT, principal=f"users/{subject}", role="ROLE_EDITOR"
        )
    )
    await channel.close()
    caller = Caller(mesh.port_base, mesh.data_dir, lambda: issuer.token(subject))
    yield caller
    await caller.close()


async def settings(mesh: MeshInProcess, policy: task_pb2.ApprovalPolicy) -> None:
    await mesh.caller.projects.UpdateProject(
        project_service_pb2.UpdateProjectRequest(
            name=PROJECT,
            project=project_pb2.Project(settings=settings_pb2.Settings(approval_policy=policy)),
        )
    )


async def test_who_asked_and_who_decided_is_known_everywhere(
    mesh: MeshInProcess, issuer: Issuer, tmp_path: Path
) -> None:
    repo = make_repository(tmp_path / "repo")
    async with editor(mesh, issuer, "ada") as ada, editor(mesh, issuer, "bob") as bob:
        task = await ada.submit(PLAN, repo)
        assert task.submitter == "users/ada"
        approval = await bob.pending_approval(task.name)
        decided = await bob.decide(approval, "APPROVE")
        assert decided.decider == "users/bob"
        story = await ada.story(task.name)
        (resolved,) = [e.approval_resolved for e in story if e.HasField("approval_resolved")]
        assert resolved.decider == "users/bob"
        runs = await ada.runs.ListRuns(run_service_pb2.ListRunsRequest(parent=PROJECT))
        assert [run.requester for run in runs.runs] == ["users/ada", "users/ada"]


async def test_the_projects_settings_answer_where_the_task_does_not_say(
    mesh: MeshInProcess, tmp_path: Path
) -> None:
    await settings(mesh, task_pb2.APPROVAL_POLICY_APPROVE)
    silent = await mesh.caller.submit(PLAN, make_repository(tmp_path / "a"))
    assert silent.approval_policy == task_pb2.APPROVAL_POLICY_APPROVE
    story = await mesh.caller.story(silent.name)
    (resolved,) = [e.approval_resolved for e in story if e.HasField("approval_resolved")]
    assert resolved.decided_by == approval_states.APPROVAL_DECIDER_POLICY
    assert resolved.decider == ""
    assert "settings" in resolved.reason
    asks = await mesh.caller.submit(
        PLAN, make_repository(tmp_path / "b"), approval_policy=task_pb2.APPROVAL_POLICY_ASK
    )
    await mesh.caller.pending_approval(asks.name)


async def test_nothing_of_a_removed_project_is_left_in_any_service(mesh: MeshInProcess) -> None:
    task = await mesh.caller.submit("# Run\n\n- [ ] say\n  run: echo hello")
    await mesh.caller.finished(task.name)
    # A run of no task, which goes on.
    start = run_service_pb2.StartRunRequest(parent=PROJECT)
    start.spec.agent, start.spec.command_line = "command", "sleep 300"
    await mesh.caller.runs.StartRun(start)
    blobs = mesh.data_dir / "agent_runner" / "blobs" / "runs" / PROJECT
    assert [path for path in blobs.rglob("*") if path.is_file()]
    await mesh.caller.projects.DeleteProject(project_service_pb2.DeleteProjectRequest(name=PROJECT))

    async def gone() -> bool:
        left = [
            rows(mesh.data_dir / "orchestrator" / "store.db", "tasks"),
            rows(mesh.data_dir / "orchestrator" / "checkpoints.db", "checkpoints"),
            rows(mesh.data_dir / "agent_runner" / "store.db", "runs"),
        ]
        return left == [0, 0, 0] and not blobs.exists()

    await eventually(gone, timeout_s=40)
    assert not list((mesh.data_dir / "agent_runner" / "runs").iterdir())


async def test_a_project_with_a_task_that_goes_on_stays(mesh: MeshInProcess) -> None:
    task = await mesh.caller.submit("# Run\n\n- [ ] wait\n  run: sleep 300")
    request = project_service_pb2.DeleteProjectRequest(name=PROJECT)
    with pytest.raises(grpc.aio.AioRpcError, match="tasks that have not ended"):
        await mesh.caller.projects.DeleteProject(request)
    await mesh.caller.tasks.CancelTask(task_service_pb2.CancelTaskRequest(name=task.name))
    await mesh.caller.until(task.name, states.TASK_STATE_CANCELLED)
    await mesh.caller.projects.DeleteProject(request)


def rows(path: Path, table: str) -> int:
    """Return how many rows a table has."""
    database = sqlite3.connect(path)
    (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    database.close()
    return int(count)
