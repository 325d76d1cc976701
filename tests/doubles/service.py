"""A double of a service's process: it serves health on its port and nothing else.

`python -m tests.doubles.service NAME [MODE]`; the modes are ways to misbehave.
"""

import asyncio
import logging
import os
import signal
import sys

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from services.mesh import telemetry
from services.mesh.config import MeshSettings
from services.mesh.parent import watch_parent
from services.ports import port_of


async def main(name: str, mode: str) -> None:
    if mode == "broken":
        sys.exit("it cannot start")
    stop = asyncio.Event()
    telemetry.log_to_stderr(MeshSettings.model_construct(log_level="INFO"))
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    checks = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checks, server)
    server.add_insecure_port(f"127.0.0.1:{port_of(name, int(os.environ['ADJUTANT_PORT_BASE']))}")
    await server.start()
    await checks.set("", health_pb2.HealthCheckResponse.SERVING)
    loop = asyncio.get_running_loop()
    ignored = asyncio.Event()
    on_term = ignored.set if mode == "stubborn" else stop.set
    loop.add_signal_handler(signal.SIGTERM, on_term)
    watch_parent(stop.set)
    if mode == "complaining":
        logging.getLogger("double").error("the disk is full")
    await stop.wait()
    logging.getLogger("double").info("drained")
    await server.stop(None)


asyncio.run(main(sys.argv[1], [*sys.argv[2:], ""][0]))
