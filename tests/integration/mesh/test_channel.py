"""Channels between services."""

import asyncio
import contextlib
import gc
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from adjutant.orchestrator.v1 import task_service_pb2 as pb
from adjutant.orchestrator.v1 import task_service_pb2_grpc
from services.mesh.channel import open_channel
from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats, free_port
from services.mesh.errors import AdjutantError
from services.mesh.interceptors.deadline import remaining_s
from tests.integration.mesh.serving import GET, Tasks, refused, serving

SETTINGS = MeshSettings()


@contextlib.asynccontextmanager
async def bare_server(tasks: Tasks, port: int) -> AsyncIterator[None]:
    """Serve without anything of ours, so that what is seen is the channel's doing."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    task_service_pb2_grpc.add_TaskServiceServicer_to_server(tasks, server)
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    yield
    await server.stop(None)


@contextlib.asynccontextmanager
async def stub_to(port: int) -> AsyncIterator[Any]:
    async with open_channel(f"127.0.0.1:{port}", SETTINGS, lambda: "a token") as channel:
        yield task_service_pb2_grpc.TaskServiceStub(channel)


# gRPC's own call object complains when it is collected after an interceptor refused.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("wrong", [pb.WatchTaskRequest(name=GET.name), empty_pb2.Empty(), None])
async def test_a_wrong_message_is_refused_before_it_is_sent(wrong: Any) -> None:
    tasks, port = Tasks(), free_port()
    async with bare_server(tasks, port), stub_to(port) as stub:
        with pytest.raises(TypeError, match="GetTask takes GetTaskRequest, not"):
            await stub.GetTask(wrong)
        with pytest.raises(TypeError, match="WatchTask takes WatchTaskRequest, not"):
            await stub.WatchTask(GET).read()
    assert tasks.calls == 0
    gc.collect()


async def test_unavailable_is_tried_again() -> None:
    tasks, port = Tasks(), free_port()

    async def act(request: Any) -> Any:
        if tasks.calls < 3:
            await tasks.context.abort(grpc.StatusCode.UNAVAILABLE, "not yet")
        return await tasks.answer(request)

    tasks.act = act
    async with bare_server(tasks, port), stub_to(port) as stub:
        assert (await stub.GetTask(GET)).task.name == GET.name
    assert tasks.calls == 3


async def test_other_errors_are_not_tried_again() -> None:
    tasks, port = Tasks(), free_port()

    async def act(_: Any) -> None:
        await tasks.context.abort(grpc.StatusCode.ABORTED, "no")

    tasks.act = act
    async with bare_server(tasks, port), stub_to(port) as stub:
        assert (await refused(stub.GetTask(GET))).code() == grpc.StatusCode.ABORTED
    assert tasks.calls == 1


async def test_a_server_that_never_comes_is_told_soon() -> None:
    async with stub_to(free_port()) as stub:
        error = await refused(stub.GetTask(GET, timeout=20))
    assert error.code() == grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_comes_back_is_found_again() -> None:
    tasks, port = Tasks(), free_port()
    async with stub_to(port) as stub:
        for _ in range(3):
            async with bare_server(tasks, port):
                assert await stub.GetTask(GET, wait_for_ready=True, timeout=20)
            assert (await refused(stub.GetTask(GET))).code() == grpc.StatusCode.UNAVAILABLE


async def get_when_ready(stub: Any) -> Any:
    return await stub.GetTask(GET, wait_for_ready=True, timeout=20)


async def test_a_call_waits_while_the_server_restarts() -> None:
    tasks, port = Tasks(), free_port()
    async with stub_to(port) as stub:
        async with bare_server(tasks, port):
            await stub.GetTask(GET)
        waiting = asyncio.create_task(get_when_ready(stub))
        await asyncio.sleep(0.2)
        async with bare_server(tasks, port):
            assert await waiting
    assert tasks.calls == 2


async def test_a_call_without_a_deadline_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.mesh.channel.DEFAULT_TIMEOUT_S", 0.2)
    tasks, port = Tasks(), free_port()

    async def act(_: Any) -> None:
        await asyncio.sleep(60)

    tasks.act = act
    async with bare_server(tasks, port), stub_to(port) as stub:
        error = await refused(stub.GetTask(GET))
    assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_deadline_goes_on_through_two_hops(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    left: list[float | None] = []
    async with (
        serving(tmp_path / "last", nats.url) as last,
        serving(tmp_path / "middle", nats.url) as middle,
        serving(tmp_path / "first", nats.url) as first,
    ):

        def passes_on_to(stub: Any) -> Any:
            async def act(request: Any) -> Any:
                left.append(remaining_s())
                await asyncio.sleep(0.05)
                return await stub.GetTask(request)

            return act

        async def act(request: Any) -> Any:
            left.append(remaining_s())
            return await last.tasks.answer(request)

        first.tasks.act = passes_on_to(middle.stub)
        middle.tasks.act = passes_on_to(last.stub)
        last.tasks.act = act
        assert await first.stub.GetTask(GET, timeout=7.0)
        assert all(seconds is not None and 0 < seconds < 7.5 for seconds in left)
        assert len(left) == 3

        async def stuck(_: Any) -> None:
            await asyncio.sleep(60)

        last.tasks.act = stuck
        error = await refused(first.stub.GetTask(GET, timeout=0.5))
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_error_of_the_next_service_is_not_passed_on_as_ours(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    async with (
        serving(tmp_path / "far", nats.url) as far,
        serving(tmp_path / "near", nats.url) as near,
    ):

        async def refuse(_: Any) -> None:
            raise AdjutantError("NOT_FOUND", "a secret of the far service")

        async def ask(request: Any) -> Any:
            return await far.stub.GetTask(request)

        far.tasks.act, near.tasks.act = refuse, ask
        error = await refused(near.stub.GetTask(GET))
        assert error.code() == grpc.StatusCode.INTERNAL
        assert "secret" not in str(error)
