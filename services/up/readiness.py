"""Ports that must be free before a mesh starts, and services that must serve after."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Mapping

import grpc
import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.up.errors import UpError

READY_TIMEOUT_S = 60.0
DRAIN_PATIENCE_S = 15.0
_POLL_INTERVAL_S = 0.05
_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 50),
]


async def require_free(ports: Mapping[str, tuple[str, int]], *, patience_s: float) -> None:
    """Return when every (host, port) can be bound; UpError names the one that is taken.

    Waits up to `patience_s` seconds for parts of a mesh before that still drain.
    """
    deadline = time.monotonic() + patience_s
    for name, (host, port) in ports.items():
        while not _is_free(host, port):
            if time.monotonic() >= deadline:
                raise UpError(
                    f"port {port} ({name}) is taken by another program; "
                    "stop that program, or choose other ports with --port-base"
                )
            await asyncio.sleep(_POLL_INTERVAL_S)


def _is_free(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _channel(address: str, credentials: grpc.ChannelCredentials | None) -> grpc.aio.Channel:
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=_OPTIONS)
    return grpc.aio.secure_channel(address, credentials, options=_OPTIONS)


async def serving(
    name: str,
    address: str,
    gave_up: Callable[[], bool],
    credentials: grpc.ChannelCredentials | None = None,
) -> None:
    """Return when a service answers SERVING; UpError when it does not in time or `gave_up`."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    async with _channel(address, credentials) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while time.monotonic() < deadline:
            with contextlib.suppress(grpc.aio.AioRpcError):
                answer = await health.Check(health_pb2.HealthCheckRequest(), timeout=1.0)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            if gave_up():
                raise UpError(f"{name} ends again and again instead of starting")
            await asyncio.sleep(_POLL_INTERVAL_S)
    raise UpError(f"{name} did not become ready within {READY_TIMEOUT_S:g} s; its log says why")
