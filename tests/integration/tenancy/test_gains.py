"""Nobody gets by a detour what their role or their key does not give them."""

import asyncio
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adjutant.orchestrator.v1 import (
    connection_pb2,
    connection_service_pb2,
    connection_service_pb2_grpc,
    project_service_pb2,
    task_service_pb2,
)
from services.mesh.identity.files import replace_private
from services.mesh.identity.local import OWNER_PREFIX, new_token
from tests.integration.tenancy.conftest import PROJECT, As, House, refused


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
