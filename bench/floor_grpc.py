"""The floor of every call: grpc.aio, one method, no interceptor, no work.

Client and server are processes of their own, as they are in a mesh. What
travels is a StartRun call of the usual size.
"""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator

import grpc.aio

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2
from bench import harness

NAME = "grpc.aio unary"
METHOD = "/bench.Floor/StartRun"
IN_FLIGHT = 32
REQUEST = run_service_pb2.StartRunRequest(
    parent="clients/default/projects/default",
    request_id="0198f2a0-0000-7000-8000-000000000000",
    spec=run_pb2.RunSpec(agent="command", command_line="true"),
)


async def start_run(
    request: run_service_pb2.StartRunRequest, context: object
) -> run_service_pb2.StartRunResponse:
    """Answer with what was asked for."""
    run = run_pb2.Run(name=f"{request.parent}/runs/{request.request_id}", spec=request.spec)
    return run_service_pb2.StartRunResponse(run=run)


async def serve() -> None:
    """Serve on a free port, say which, and go on until standard input ends."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handler = grpc.unary_unary_rpc_method_handler(
        start_run,
        request_deserializer=run_service_pb2.StartRunRequest.FromString,
        response_serializer=run_service_pb2.StartRunResponse.SerializeToString,
    )
    service, method = METHOD[1:].split("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


@contextlib.asynccontextmanager
async def server_process(module: str) -> AsyncIterator[str]:
    """Run `python -m module --serve` and give its address; it ends with the block."""
    process = subprocess.Popen(  # noqa: ASYNC220 # it takes a millisecond
        [sys.executable, "-m", module, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        port = await asyncio.to_thread(process.stdout.readline)
        yield f"127.0.0.1:{int(port)}"
        assert process.stdin
        process.stdin.close()


async def measure(seconds: float) -> list[harness.Figure]:
    """Time calls one after the other, then count them with many in flight."""
    async with (
        server_process("bench.floor_grpc") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = channel.unary_unary(
            METHOD,
            request_serializer=run_service_pb2.StartRunRequest.SerializeToString,
            response_deserializer=run_service_pb2.StartRunResponse.FromString,
        )

        async def once() -> None:
            await call(REQUEST)

        samples = await harness.repeat(once, seconds)
        per_second = await harness.rate(once, seconds / 2, IN_FLIGHT)
    return [harness.figure(NAME, samples, per_second=per_second)]


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        harness.main(measure, __doc__)
