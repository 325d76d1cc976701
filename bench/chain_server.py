"""One trivial method behind different interceptors; `bench.chain` calls it.

    python -m bench.chain_server bare|stock|chain RATIO [DATA_DIR NATS_URL]

It says on which port it serves and goes on until standard input ends. Spans that are
recorded go through a batch processor to an exporter that throws them away, in each case; and
in each case the garbage collector is set as a service of the mesh has it.
"""

import asyncio
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, ClassVar

import grpc.aio
from opentelemetry import trace
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from adjutant.orchestrator.v1 import task_pb2, task_service_pb2, task_service_pb2_grpc
from services.mesh import telemetry
from services.mesh.app import Mesh, Service, run_service
from services.mesh.config import MeshSettings
from services.mesh.identity.issuer import Issuer
from services.mesh.main import settle
from services.ports import free_port_base

ISSUER, AUDIENCE = "https://login.example", "bench"
CALLS_PER_MINUTE = 600_000
"""Far above what is called, and so low that a chunk is taken twice a second."""


class Settings(MeshSettings):
    """Of the service that is measured."""

    service: ClassVar[str] = "knowledge_base"


class Tasks(task_service_pb2_grpc.TaskServiceServicer):
    """The trivial method."""

    async def GetTask(self, request: Any, context: Any) -> Any:
        """Answer with the name that was asked for."""
        return task_service_pb2.GetTaskResponse(task=task_pb2.Task(name=request.name))


SERVICER: Any = Tasks()  # type: ignore[abstract]  # what is not measured is not there


class Nowhere(SpanExporter):
    """Throws spans away."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Do nothing."""
        return SpanExportResult.SUCCESS


async def plain(interceptors: Sequence[grpc.aio.ServerInterceptor]) -> None:
    """Serve on gRPC alone."""
    server = grpc.aio.server(interceptors=interceptors, options=[("grpc.so_reuseport", 0)])
    task_service_pb2_grpc.add_TaskServiceServicer_to_server(SERVICER, server)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    settle()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


async def chained(settings: Settings) -> None:
    """Serve as every service of the mesh does, with everything that a call passes."""

    async def build(mesh: Mesh) -> None:
        register = task_service_pb2_grpc.add_TaskServiceServicer_to_server
        mesh.serve(register, SERVICER, "adjutant.orchestrator.v1.TaskService")

    stop = asyncio.Event()
    service = Service(Settings, collections=(), build=build)

    def ready() -> None:
        settle()
        print(settings.port, flush=True)

    running = asyncio.create_task(run_service(service, settings, stop, ready))
    reading = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    await asyncio.wait([running, reading], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await running


def chain_settings(data_dir: str, nats_url: str, ratio: float) -> Settings:
    """Return settings with limits and issuers such as a mesh for many people has."""
    jwks = pathlib.Path(data_dir) / "jwks.json"
    return Settings(
        data_dir=pathlib.Path(data_dir),
        nats_url=nats_url,
        port_base=free_port_base(),
        trace_sample_ratio=ratio,
        jwt_issuers=(Issuer(issuer=ISSUER, audience=AUDIENCE, jwks_file=jwks),),
        rate_limit_user_per_minute=CALLS_PER_MINUTE,
        rate_limit_key_per_minute=CALLS_PER_MINUTE,
        rate_limit_client_per_minute=CALLS_PER_MINUTE,
    )


def main(kind: str, ratio: float, *mesh: str) -> None:
    """Serve."""
    settings = MeshSettings(trace_sample_ratio=ratio)
    trace.set_tracer_provider(telemetry.make_provider(settings, BatchSpanProcessor(Nowhere())))
    if kind == "chain":
        data_dir, nats_url = mesh
        asyncio.run(chained(chain_settings(data_dir, nats_url, ratio)))
    else:
        stock = [aio_server_interceptor()] if kind == "stock" else []  # type: ignore[no-untyped-call]
        asyncio.run(plain(stock))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), *sys.argv[3:])
