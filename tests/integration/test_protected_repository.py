"""The whole way of a task into a repository that asks who comes: clone, change, commit, push."""

import asyncio
import pathlib
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import (
    audit_entry_pb2,
    audit_service_pb2,
    audit_service_pb2_grpc,
    connection_pb2,
    connection_service_pb2,
    connection_service_pb2_grpc,
    task_pb2,
    task_service_pb2,
    task_service_pb2_grpc,
)
from services.mesh.channel import open_channel
from services.mesh.config import MeshSettings
from services.ports import port_of
from tests.integration.agent_runner.test_git_credentials import files_with, processes_with
from tests.support.access import owner_of
from tests.support.git_server import GitServer, git_server
from tests.support.mesh import FINAL, git, mesh_in_process

PROJECT = "clients/default/projects/default"
SECRET = "s3cret-of-the-git-server"
PLAN = "- [ ] greet\n  run: echo changed >> README"


@dataclass
class Owner:
    """The owner of a mesh, who makes connections and tasks."""

    channel: grpc.aio.Channel
    data_dir: pathlib.Path

    async def connect(self, prefix: str, secret: str = SECRET, parent: str = PROJECT) -> None:
        stub: Any = connection_service_pb2_grpc.ConnectionServiceStub(self.channel)
        await stub.CreateConnection(
            connection_service_pb2.CreateConnectionRequest(
                parent=parent,
                connection_id="git",
                connection=connection_pb2.Connection(uri_prefix=prefix, username="ada"),
                secret=secret,
            )
        )

    async def credential_uses(self) -> list[audit_entry_pb2.AuditEntry]:
        """Return what the audit log says of credentials, as soon as it says something."""
        stub: Any = audit_service_pb2_grpc.AuditServiceStub(self.channel)
        request = audit_service_pb2.ListAuditEntriesRequest(
            parent=PROJECT, filter='kind = "CREDENTIAL_USE"'
        )
        async with asyncio.timeout(20):
            while not (found := (await stub.ListAuditEntries(request)).entries):
                await asyncio.sleep(0.1)
        return list(found)

    async def done(self, uri: str, plan: str = PLAN) -> task_pb2.Task:
        """Return a task when it has ended."""
        stub: Any = task_service_pb2_grpc.TaskServiceStub(self.channel)
        request = task_service_pb2.SubmitTaskRequest(
            parent=PROJECT,
            instructions=plan,
            approval_policy=task_pb2.APPROVAL_POLICY_APPROVE,
            repository=task_pb2.Repository(uri=uri, branch="feature"),
        )
        task = (await stub.SubmitTask(request)).task
        get = task_service_pb2.GetTaskRequest(name=task.name)
        async with asyncio.timeout(60):
            while task.state not in FINAL:
                await asyncio.sleep(0.05)
                task = (await stub.GetTask(get)).task
        return task  # type: ignore[no-any-return]


@pytest.fixture
async def owner(tmp_path: pathlib.Path) -> AsyncIterator[Owner]:
    data_dir = tmp_path / "data"
    async with mesh_in_process(data_dir) as mesh:
        settings = MeshSettings(data_dir=data_dir, port_base=mesh.port_base)
        address = f"127.0.0.1:{port_of('orchestrator', mesh.port_base)}"
        channel = open_channel(address, settings, owner_of(data_dir))
        yield Owner(channel, data_dir)
        await channel.close()


@pytest.fixture
def server(tmp_path: pathlib.Path) -> Iterator[GitServer]:
    with git_server(tmp_path / "server", secret=SECRET) as server:
        yield server


async def test_a_task_clones_and_pushes_and_nothing_of_the_secret_is_left(
    owner: Owner, server: GitServer
) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.extend(processes_with(SECRET))
        seen.extend(files_with(owner.data_dir, SECRET))

    server.on_request = look
    await owner.connect(server.url, parent="clients/default")
    task = await owner.done(server.uri)
    assert task.state == states.TASK_STATE_COMPLETED, task.failure
    assert git(server.repository, "rev-parse", "feature") == task.commit.sha
    assert git(server.repository, "show", "feature:README") == "hello\nchanged"
    assert seen == [], "nobody could see it while git was at work"
    assert files_with(owner.data_dir, SECRET) == []
    assert set(server.shown) <= {"", f"ada:{SECRET}"}
    uses = await owner.credential_uses()
    assert {(use.principal, use.on_behalf_of) for use in uses} == {
        ("services/agent_runner", "users/owner")
    }


async def test_without_a_connection_the_task_says_what_to_do(
    owner: Owner, server: GitServer
) -> None:
    await owner.connect(server.url + "/other")
    task = await owner.done(server.uri)
    assert task.state == states.TASK_STATE_FAILED
    failure = task.steps[0].failure
    assert "adjutant connections create" in failure.message, failure
    assert "REPOSITORY_NOT_FOUND" in str(failure)
    assert set(server.shown) <= {"", ":"}


async def test_a_job_of_anything_else_than_a_push_gets_no_credential(
    owner: Owner, server: GitServer, tmp_path: pathlib.Path
) -> None:
    script = tmp_path / "ask.py"
    link = owner.data_dir / "agent_runner" / "credentials" / "0"
    script.write_text(f"""\
import os
from services.agent_runner.adapters import credential_helper
own = {{"run": os.environ["ADJUTANT_RUN"], "token": os.environ["ADJUTANT_REPORT_TOKEN"]}}
for question in (own, own | {{"token": "guessed"}}, own | {{"run": own["run"] + "x"}}):
    answer = credential_helper._ask({str(link)!r}, question)
    assert answer == "", repr(answer)
""")
    await owner.connect(server.url)
    task = await owner.done(server.uri, f"- [ ] ask\n  run: {sys.executable} {script} && echo > x")
    assert task.state == states.TASK_STATE_COMPLETED, task.steps
