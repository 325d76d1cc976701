"""A service as a whole: how it starts, what it offers, and how it ends."""

import asyncio
import contextlib
import os
import pathlib
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from adjutant.notification.v1 import subscription_service_pb2, subscription_service_pb2_grpc
from services.mesh.app import Mesh
from services.mesh.embedded import EmbeddedNats, free_port
from services.ports import free_port_base
from tests.integration.mesh.harness import (
    PARENT,
    PATIENCE_S,
    eventually,
    in_log,
    publish,
    said,
    what,
)
from tests.integration.mesh.serving import GET, refused, serving
from tests.support.access import owner_of, publish_projects
from tests.unit.mesh.conftest import NOTES, note

SUBSCRIBE = subscription_service_pb2.SubscribeRequest(parent=PARENT)
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health(channel: grpc.aio.Channel, service: str = "") -> Any:
    stub = health_pb2_grpc.HealthStub(channel)
    return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


async def test_it_says_that_it_serves(tmp_path: pathlib.Path, nats: EmbeddedNats) -> None:
    async with (
        serving(tmp_path, nats.url) as served,
        grpc.aio.insecure_channel(served.address) as bare,
    ):
        assert await health(bare) == SERVING
        assert await health(bare, "adjutant.orchestrator.v1.TaskService") == SERVING
        unknown = await refused(health(bare, "nobody"))
        assert unknown.code() == grpc.StatusCode.NOT_FOUND


async def test_it_lists_what_it_offers(tmp_path: pathlib.Path, nats: EmbeddedNats) -> None:
    async with (
        serving(tmp_path, nats.url) as served,
        grpc.aio.insecure_channel(served.address) as bare,
    ):
        stub = reflection_pb2_grpc.ServerReflectionStub(bare)
        call = stub.ServerReflectionInfo()
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        answer = await call.read()
        await call.done_writing()
        assert {found.name for found in answer.list_services_response.service} == {
            "adjutant.orchestrator.v1.TaskService",
            "adjutant.notification.v1.SubscriptionService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1alpha.ServerReflection",
        }


async def test_what_is_committed_reaches_a_subscriber(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    async with serving(tmp_path, nats.url) as served:
        stream = served.subscriptions.Subscribe(SUBSCRIBE)
        assert what((await stream.read()).frame) == "LIVE"
        await served.mesh.store.insert(NOTES, note("a"), events=[said("committed")])
        assert what((await stream.read()).frame) == "committed"
        stream.cancel()


async def test_a_taken_port_is_a_plain_error(tmp_path: pathlib.Path, nats: EmbeddedNats) -> None:
    base = free_port_base()
    async with serving(tmp_path / "one", nats.url, port_base=base):
        with pytest.raises(OSError, match=r"is taken, so knowledge_base cannot start; .*PORT_BASE"):
            async with serving(tmp_path / "two", nats.url, port_base=base):
                pass


async def test_a_stop_lets_calls_end_and_tells_streams(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    closed: list[str] = []

    def extra(mesh: Mesh) -> None:
        async def close(name: str) -> None:
            closed.append(name)

        mesh.on_stop(lambda: close("first"))
        mesh.on_stop(lambda: close("last"))

    async with serving(tmp_path, nats.url, extra) as served:
        started = asyncio.Event()

        async def act(request: Any) -> Any:
            started.set()
            await asyncio.sleep(0.3)
            await served.mesh.store.insert(NOTES, note("a"), events=[said("last words")])
            return await served.tasks.answer(request)

        served.tasks.act = act
        stream = served.subscriptions.Subscribe(SUBSCRIBE)
        await stream.read()
        call = asyncio.ensure_future(get(served.stub))
        await started.wait()
        served.stop.set()
        error = await refused(stream.read())
        assert error.code() == grpc.StatusCode.UNAVAILABLE
        trailers = {key: value for key, value in error.trailing_metadata() or ()}  # noqa: C416
        assert b"SHUTTING_DOWN" in trailers["grpc-status-details-bin"]
        assert (await call).task.name == GET.name
        async with asyncio.timeout(PATIENCE_S):
            await served.running
    assert closed == ["last", "first"]


async def get(stub: Any) -> Any:
    return await stub.GetTask(GET)


async def test_what_was_committed_last_is_in_the_log_when_it_has_stopped(
    tmp_path: pathlib.Path, nats: EmbeddedNats, connect: Any
) -> None:
    async with serving(tmp_path, nats.url) as served:
        await served.mesh.store.insert(NOTES, note("a"), events=[said("last words")])
    assert await in_log(await connect()) == ["last words"]


async def test_a_background_task_that_fails_stops_the_service_with_its_error(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    broken = asyncio.Event()

    async def work() -> None:
        await broken.wait()
        raise RuntimeError("the disk is full")

    def extra(mesh: Mesh) -> None:
        mesh.run_in_background("work", work)

    async def serve_until_it_ends() -> None:
        async with serving(tmp_path, nats.url, extra) as served:
            await served.stub.GetTask(GET)
            broken.set()
            await asyncio.wait([served.running], timeout=PATIENCE_S)
            assert served.running.done()

    with pytest.raises(RuntimeError, match="the disk is full"):
        await serve_until_it_ends()


async def test_a_background_task_that_is_done_stops_nothing(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    async def work() -> None:
        return

    def extra(mesh: Mesh) -> None:
        mesh.run_in_background("work", work)

    async with serving(tmp_path, nats.url, extra) as served:
        await asyncio.sleep(0.1)
        assert not served.running.done()
        assert await served.stub.GetTask(GET)


async def test_parts_that_cannot_be_made_are_its_error(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    def extra(_: Mesh) -> None:
        raise RuntimeError("no such folder")

    with pytest.raises(RuntimeError, match="no such folder"):
        async with serving(tmp_path, nats.url, extra):
            pass


async def test_a_stop_is_heard_also_while_it_waits_for_the_event_log(
    tmp_path: pathlib.Path,
) -> None:
    nowhere = f"nats://127.0.0.1:{free_port()}"
    async with process(tmp_path, ADJUTANT_NATS_URL=nowhere) as (child, port):
        await eventually(lambda: listens(port))
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == 0


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.asynccontextmanager
async def process(
    folder: pathlib.Path, *program: str, **environment: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """Run the notification service, or a program, as a process; yield it and its port."""
    base = int(environment.get("ADJUTANT_PORT_BASE", free_port_base()))
    variables = {
        "ADJUTANT_DATA_DIR": str(folder),
        "ADJUTANT_PORT_BASE": str(base),
        **environment,
    }
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *(program or ("-m", "services.notification")),
        env={**os.environ, **variables},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child, base + 5
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def test_sigterm_drains_a_process(
    tmp_path: pathlib.Path, nats: EmbeddedNats, connect: Any
) -> None:
    async with (
        process(tmp_path, ADJUTANT_NATS_URL=nats.url) as (child, port),
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as bare,
    ):
        await publish_projects(nats.url, PARENT, data_dir=tmp_path)
        async with asyncio.timeout(PATIENCE_S):
            await bare.channel_ready()
        stub: Any = subscription_service_pb2_grpc.SubscriptionServiceStub(bare)
        token = owner_of(tmp_path)()
        stream = stub.Subscribe(SUBSCRIBE, metadata=(("authorization", f"Bearer {token}"),))
        async with asyncio.timeout(PATIENCE_S):
            assert what((await stream.read()).frame) == "LIVE"
        await publish(await connect(), said("a"))
        assert what((await stream.read()).frame) == "a"
        child.send_signal(signal.SIGTERM)
        error = await refused(stream.read())
        assert "connect again with the last cursor" in (error.details() or "")
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == 0


HANGS = """
import asyncio
from services.mesh.app import Service
from services.mesh.main import main
from services.notification.app import SERVICE

async def build(mesh):
    await SERVICE.build(mesh)
    mesh.on_stop(asyncio.Event().wait)

main(Service(SERVICE.settings, collections=(), build=build))
"""


async def test_a_process_that_cannot_drain_ends_all_the_same(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    variables = {"ADJUTANT_NATS_URL": nats.url, "ADJUTANT_DRAIN_LIMIT_S": "1"}
    async with process(tmp_path, "-c", HANGS, **variables) as (child, port):
        async with (
            asyncio.timeout(PATIENCE_S),
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            await channel.channel_ready()
        child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_S):
            assert await child.wait() == 1
        assert child.stderr
        assert "did not drain within 1 s" in (await child.stderr.read()).decode()


async def test_a_process_whose_port_is_taken_says_so_in_one_line(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    base = free_port_base()
    with socket.create_server(("127.0.0.1", base + 5)):
        variables = {"ADJUTANT_NATS_URL": nats.url, "ADJUTANT_PORT_BASE": str(base)}
        async with process(tmp_path, **variables) as (child, _):
            assert child.stderr
            said_last = (await child.stderr.read()).decode()
            assert await child.wait() == 1
    assert "is taken, so notification cannot start" in said_last.splitlines()[-1]
    assert "Traceback" not in said_last


async def test_a_process_with_a_wrong_setting_says_so_in_one_line(tmp_path: pathlib.Path) -> None:
    async with process(tmp_path, ADJUTANT_LEASE_TTL_S="soon") as (child, _):
        assert child.stderr
        said_last = (await child.stderr.read()).decode()
        assert await child.wait() == 1
    assert said_last.startswith("adjutant: ADJUTANT_LEASE_TTL_S: ")
    assert "Traceback" not in said_last
