"""Nobody gets by a detour what their role or their key does not give them."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import (
    api_key_pb2,
    api_key_service_pb2,
    connection_pb2,
    connection_service_pb2,
    connection_service_pb2_grpc,
    project_service_pb2,
    task_service_pb2,
)
from services.mesh.identity.files import replace_private
from services.mesh.identity.local import OWNER_PREFIX, new_token
from services.ports import OFFSETS
from tests.integration.tenancy.conftest import PROJECT, As, House, refused
from tests.support.identities import open_as, owner_token
from tests.support.mesh import Caller, make_repository, mesh_in_process


async def effective(who: As) -> project_service_pb2.EffectiveProject:
    request = project_service_pb2.GetEffectiveProjectRequest(name=PROJECT)
    response = await who.projects.GetEffectiveProject(request)
    return response.effective_project  # type: ignore[no-any-return]


async def test_connections_are_for_those_who_may_read_connections(house: House) -> None:
    owner = house.owner
    connections = connection_service_pb2_grpc.ConnectionServiceStub(owner.channel)
    await connections.CreateConnection(
        connection_service_pb2.CreateConnectionRequest(
            parent=PROJECT,
            connection_id="git",
            connection=connection_pb2.Connection(uri_prefix="https://git.example/team"),
        )
    )
    for role in ("OWNER", "EDITOR", "VIEWER", "AGENT"):
        await owner.member(PROJECT, f"an-{role.lower()}", role)
    for role in ("owner", "editor", "viewer"):
        (seen,) = (await effective(house.person(f"an-{role}"))).connections
        assert seen.uri_prefix == "https://git.example/team"
    assert not (await effective(house.person("an-agent"))).connections


async def watched(who: As) -> Any:
    """Return the stream of a task that waits for ever."""
    request = task_service_pb2.SubmitTaskRequest(
        parent=PROJECT,
        instructions="# wait\n\n- [ ] for a runner that is not there\n  run: true",
    )
    task = (await who.tasks.SubmitTask(request)).task
    stream = who.tasks.WatchTask(task_service_pb2.WatchTaskRequest(name=task.name))
    await stream.read()
    return stream


async def end_of(stream: Any) -> grpc.StatusCode:
    """Return what a stream ends with."""

    async def read_on() -> None:
        while await stream.read() is not grpc.aio.EOF:
            continue

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await asyncio.wait_for(read_on(), 5)
    return caught.value.code()


async def test_a_stream_ends_with_the_owner_token_that_opened_it(house: House) -> None:
    stream = await watched(house.owner)
    replace_private(house.folder / "owner.token", new_token(OWNER_PREFIX))
    assert await end_of(stream) == grpc.StatusCode.UNAUTHENTICATED
    assert (await effective(house.owner)).approval_policy


async def test_a_stream_ends_with_the_key_that_signed_its_token(house: House) -> None:
    await house.owner.member(PROJECT, "ada", "EDITOR")
    stream, others = await watched(house.person("ada")), await watched(house.owner)
    house.issuer.publish(Ed25519PrivateKey.generate())
    assert await end_of(stream) == grpc.StatusCode.UNAUTHENTICATED
    others.cancel()
    assert (await refused(effective(house.person("ada"))))[0] == "INVALID_CREDENTIAL"


async def test_a_key_that_may_not_approve_commits_by_no_run_either(tmp_path: Path) -> None:
    repo = make_repository(tmp_path / "repo")
    spec = run_pb2.RunSpec(
        agent="git",
        commit=run_pb2.CommitSpec(branch="stolen", message="Nobody was asked"),
        workspace=run_pb2.Workspace(repository_uri=str(repo)),
    )
    spec.commit.time.GetCurrentTime()
    async with mesh_in_process(tmp_path / "data") as mesh:
        address = f"127.0.0.1:{mesh.port_base + OFFSETS['orchestrator']}"
        channel = open_as(address, owner_token(mesh.data_dir))
        token = await narrowed(As(channel), access_pb2.PERMISSION_RUNS_WRITE)
        await channel.close()
        caller = Caller(mesh.port_base, mesh.data_dir, lambda: token)
        commit = run_service_pb2.StartRunRequest(parent=PROJECT, spec=spec)
        assert (await refused(caller.runs.StartRun(commit)))[0] == "PERMISSION_DENIED"
        command = run_pb2.RunSpec(agent="command", command_line="true")
        await caller.runs.StartRun(run_service_pb2.StartRunRequest(parent=PROJECT, spec=command))
        await mesh.caller.runs.StartRun(commit)
        await caller.close()


async def narrowed(owner: As, *permissions: access_pb2.Permission) -> str:
    """Return the token of an editor's key that may do this only."""
    key = api_key_pb2.ApiKey(role=access_pb2.ROLE_EDITOR, permissions=permissions)
    request = api_key_service_pb2.CreateApiKeyRequest(parent=PROJECT, api_key=key)
    return (await owner.keys.CreateApiKey(request)).token  # type: ignore[no-any-return]
