"""A mesh to measure: a nats-server and the services that a benchmark needs.

Each service is a process of its own, as `adjutant up` has it, in a folder of
its own, and called over the wire.
"""

import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.mesh.embedded import EmbeddedNats
from services.ports import free_port_base, port_of
from tests.support.access import owner_of, publish_projects, showing

PARENT = "clients/default/projects/default"
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
WAIT_TIMEOUT_S = 30.0
"""How long a benchmark waits for anything before it gives up."""


@contextlib.asynccontextmanager
async def mesh(*services: str, **settings: str) -> AsyncIterator[Mapping[str, grpc.aio.Channel]]:
    """Run the services and give a channel to each by its name; all ends with the block.

    `settings` are environment variables of the services.
    """
    port_base = free_port_base()
    with tempfile.TemporaryDirectory(prefix="adjutant-bench-") as folder:
        data_dir = pathlib.Path(folder)
        async with contextlib.AsyncExitStack() as stack:
            nats = await EmbeddedNats.start(data_dir, port_of("nats", port_base))
            stack.push_async_callback(nats.stop)
            # An orchestrator makes it too; some benchmarks run without one.
            await publish_projects(nats.url, PARENT, data_dir=data_dir)
            as_owner = showing(owner_of(data_dir))
            children = {
                service: stack.enter_context(process(service, data_dir, port_base, settings))
                for service in services
            }
            channels = {}
            for service, child in children.items():
                address = f"127.0.0.1:{port_of(service, port_base)}"
                channel = await stack.enter_async_context(
                    grpc.aio.insecure_channel(address, interceptors=as_owner)
                )
                await serving(channel, child)
                channels[service] = channel
            yield channels


@contextlib.contextmanager
def process(
    service: str, data_dir: pathlib.Path, port_base: int, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run one service; what it logs is shown where the block fails."""
    log_path = data_dir / f"{service}.log"
    environment = os.environ | {
        "ADJUTANT_DATA_DIR": str(data_dir),
        "ADJUTANT_PORT_BASE": str(port_base),
        "ADJUTANT_LOG_LEVEL": "WARNING",
        **settings,
    }
    with log_path.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", f"services.{service}"], env=environment, stderr=log
        )
    try:
        yield child
    except BaseException:
        sys.stderr.write(log_path.read_text(errors="replace")[-4000:])
        raise
    finally:
        child.terminate()
        try:
            child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


async def serving(channel: grpc.aio.Channel, child: subprocess.Popen[bytes]) -> None:
    """Wait until the service says that it serves.

    RuntimeError where its process ends instead, TimeoutError where it does not say so.
    """
    check = health_pb2_grpc.HealthStub(channel).Check
    async with asyncio.timeout(READY_TIMEOUT_S):
        while True:
            if child.poll() is not None:
                raise RuntimeError(f"{child.args!r} ended with status {child.returncode}")
            with contextlib.suppress(grpc.aio.AioRpcError):
                answer = await check(health_pb2.HealthCheckRequest())
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            await asyncio.sleep(0.05)
