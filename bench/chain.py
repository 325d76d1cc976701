"""What the chain of interceptors costs: a trivial method bare, with stock tracing, and with ours.

The chain is whole: tracing, an API key or a JWT of somebody who is no administrator,
authorisation, rate limits, validation, audit. Each server is a process of its own, and the
load comes from this one, a little for each in turn, so that whatever else the machine does
disturbs all alike.

What a call costs is the processor time of the server's process, its exporter's and gRPC's
own threads included. That is what a core can serve, whether or not one client process can ask for
as much. The client is in Python too, and slower than the bare server: calls a second as they
are seen flatter every server that is slower than the client.
"""

import asyncio
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc.aio
import jwt
import psutil
from cryptography.hazmat.primitives.asymmetric import ed25519

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import task_service_pb2
from bench import harness
from bench.chain_server import AUDIENCE, ISSUER
from services.mesh.access.bucket import PolicyBucket
from services.mesh.access.policy import Key, Node
from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats, free_port
from services.mesh.events import EventLog
from services.mesh.identity.api_keys import make_token
from services.mesh.identity.local import ensure_secrets

METHOD = "/adjutant.orchestrator.v1.TaskService/GetTask"
PROJECT = "clients/bench/projects/bench"
REQUEST = task_service_pb2.GetTaskRequest(name=f"{PROJECT}/tasks/0198f2a0").SerializeToString()
IN_FLIGHT = 32
ROUNDS = 10
LATENCY_CALLS = 40
BARE = "bare"


@dataclass
class Variant:
    """One server, and what was measured of it."""

    name: str
    arguments: tuple[str, ...]
    credential: str = ""
    """`key` or `jwt`; it travels to the servers that do not look at it, too."""
    share: float | None = None
    """Least share of the bare server's throughput that is aimed at."""
    cpu_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)


def variants() -> list[Variant]:
    """Return what is compared."""
    return [
        Variant(BARE, ("bare", "0")),
        Variant("stock tracing, 100 %", ("stock", "1")),
        Variant("stock tracing, 1 %", ("stock", "0.01")),
        Variant("chain, API key, 100 %", ("chain", "1"), "key", 0.5),
        Variant("chain, API key, 1 %", ("chain", "0.01"), "key", 0.7),
        Variant("chain, JWT, 100 %", ("chain", "1"), "jwt", 0.5),
        Variant("chain, JWT, 1 %", ("chain", "0.01"), "jwt", 0.7),
    ]


class Server:
    """A server of a variant, and calls to it."""

    def __init__(self, variant: Variant, pid: int, channel: grpc.aio.Channel, token: str) -> None:
        self._variant = variant
        self._process = psutil.Process(pid)
        self._call: Any = channel.unary_unary(METHOD)
        self._metadata = (("authorization", f"Bearer {token}"),)

    async def call(self) -> object:
        """Call once."""
        return await self._call(REQUEST, metadata=self._metadata)

    async def measure(self, seconds: float) -> None:
        """Measure one round: some calls one after the other, and as many as go for a while."""
        variant = self._variant
        for _ in range(LATENCY_CALLS):
            start = harness.now_ms()
            await self.call()
            variant.latency_ms.append(harness.now_ms() - start)
        before, start = self._cpu_s(), time.perf_counter()
        per_second = await harness.rate(self.call, seconds, IN_FLIGHT)
        calls = per_second * (time.perf_counter() - start)
        variant.cpu_ms.append((self._cpu_s() - before) / calls * 1000)
        variant.per_second.append(per_second)

    def _cpu_s(self) -> float:
        used = self._process.cpu_times()
        return float(used.user + used.system)


async def policies(data_dir: pathlib.Path, nats_url: str) -> dict[str, str]:
    """Make a project, somebody who may read it, and a key for it; return their credentials."""
    ensure_secrets(MeshSettings(data_dir=data_dir))
    log = await EventLog.connect(MeshSettings(nats_url=nats_url, data_dir=data_dir))
    bucket = PolicyBucket(log)
    made = make_token()
    await bucket.put(Node(name="clients/bench", revision=1))
    await bucket.put(Node(name=PROJECT, revision=1, members={"users/ada": "VIEWER"}))
    await bucket.put(
        Key(
            name=f"{PROJECT}/apiKeys/bench",
            revision=1,
            key_id=made.key_id,
            scope=PROJECT,
            permissions=[access_pb2.PERMISSION_TASKS_READ],
            salt=made.salt,
            digest=made.digest,
        )
    )
    await log.close()
    return {"key": made.token, "jwt": signed(data_dir), "": made.token}


def signed(data_dir: pathlib.Path) -> str:
    """Return a token of an issuer whose public key is put where the servers look for it."""
    private = ed25519.Ed25519PrivateKey.generate()
    public = jwt.algorithms.OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    keys = {"keys": [{**public, "kid": "bench", "use": "sig", "alg": "EdDSA"}]}
    (data_dir / "jwks.json").write_text(json.dumps(keys))
    issued = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "iat": issued, "exp": issued + 3600}
    return jwt.encode(claims, private, "EdDSA", headers={"kid": "bench"})


@contextlib.asynccontextmanager
async def serving(
    variant: Variant, data_dir: pathlib.Path, nats_url: str, token: str
) -> AsyncIterator[Server]:
    """Run a variant's server; it ends with the block."""
    mesh = [str(data_dir), nats_url] if variant.arguments[0] == "chain" else []
    process = subprocess.Popen(  # noqa: ASYNC220 # it takes a millisecond
        [sys.executable, "-m", "bench.chain_server", *variant.arguments, *mesh],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout
        assert process.stdin
        port = int(await asyncio.to_thread(process.stdout.readline))
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            server = Server(variant, process.pid, channel, token)
            for _ in range(harness.WARM_UP_CALLS):
                await server.call()
            yield server
        process.stdin.close()


async def measure(seconds: float) -> list[harness.Figure]:
    """Measure all variants in turn, round by round."""
    compared = variants()
    with tempfile.TemporaryDirectory(prefix="adjutant-bench-") as folder:
        data_dir = pathlib.Path(folder)
        nats = await EmbeddedNats.start(data_dir, free_port())
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(nats.stop)
            tokens = await policies(data_dir, nats.url)
            servers = [
                await stack.enter_async_context(
                    serving(variant, data_dir, nats.url, tokens[variant.credential])
                )
                for variant in compared
            ]
            for _ in range(ROUNDS):
                for server in servers:
                    await server.measure(seconds / ROUNDS)
    return [*map(_cost, compared), *map(_latency, compared)]


def _cost(variant: Variant) -> harness.Figure:
    is_bare = variant.name == BARE
    return harness.figure(
        f"server time a call: {variant.name}",
        variant.cpu_ms,
        per_second=sorted(variant.per_second)[len(variant.per_second) // 2],
        floors=() if is_bare else (f"server time a call: {BARE}",),
        aim_ratio=1 / variant.share if variant.share else None,
    )


def _latency(variant: Variant) -> harness.Figure:
    is_bare = variant.name == BARE
    floors = () if is_bare else (f"one call: {BARE}",)
    return harness.figure(f"one call: {variant.name}", variant.latency_ms, floors=floors)


if __name__ == "__main__":
    harness.main(measure, __doc__)
