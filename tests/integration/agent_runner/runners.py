"""An agent runner to test: in this process, or in one of its own that may be killed."""

from __future__ import annotations

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc.aio

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from adjutant.common.v1 import run_pb2 as states
from services.agent_runner.app import SERVICE
from services.agent_runner.settings import AgentRunnerSettings
from services.mesh.app import run_service
from services.mesh.channel import open_channel
from services.ports import free_port_base, port_of
from tests.integration.agent_runner.processes_seen import until
from tests.support.access import orchestrator_of

if TYPE_CHECKING:
    from adjutant.event.v1 import event_pb2, frame_pb2

FINAL = (states.RUN_STATE_SUCCEEDED, states.RUN_STATE_FAILED, states.RUN_STATE_CANCELLED)
QUICK = {
    "job_heartbeat_s": 0.1,
    "cancel_grace_s": 0.3,
    "reconcile_interval_s": 0.3,
    "drain_grace_s": 0.5,
}
"""Settings that make the runner's clocks fast enough for tests."""

TELL_TOKEN = "printf '%s' \"$ADJUTANT_REPORT_TOKEN\" > token"
"""Lets a job tell its report token, so that a test can report in its stead; see `token_of`."""


class Caller:
    """Calls a runner, in a project of its own."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.parent = f"clients/test/projects/p-{uuid.uuid4().hex[:12]}"
        self.stub = run_service_pb2_grpc.RunServiceStub(channel)

    async def start(self, command_line: str = "", **spec: Any) -> run_pb2.Run:
        """Start a run of the command agent, unless the spec says another."""
        fields = {"agent": "command", "command_line": command_line} | spec
        request = run_service_pb2.StartRunRequest(
            parent=self.parent, spec=run_pb2.RunSpec(**fields)
        )
        return (await self.stub.StartRun(request)).run

    async def get(self, name: str) -> run_pb2.Run:
        """Return a run as it is now."""
        return (await self.stub.GetRun(run_service_pb2.GetRunRequest(name=name))).run

    async def cancel(self, name: str) -> run_pb2.Run:
        """Ask a run to end."""
        return (await self.stub.CancelRun(run_service_pb2.CancelRunRequest(name=name))).run

    async def in_state(self, name: str, *wanted: int) -> run_pb2.Run:
        """Wait until a run is in one of the states."""
        async with asyncio.timeout(20):
            while (run := await self.get(name)).state not in wanted:
                await asyncio.sleep(0.02)
        return run

    async def end(self, name: str) -> run_pb2.Run:
        """Wait until a run has ended."""
        return await self.in_state(name, *FINAL)

    async def run(self, command_line: str = "", **spec: Any) -> run_pb2.Run:
        """Run something to its end."""
        return await self.end((await self.start(command_line, **spec)).name)

    async def frames(self, name: str, cursor: str = "") -> list[frame_pb2.EventFrame]:
        """Watch a run until the stream ends by itself."""
        request = run_service_pb2.WatchRunRequest(name=name, cursor=cursor)
        async with asyncio.timeout(20):
            return [answer.frame async for answer in self.stub.WatchRun(request)]

    async def events(self, name: str) -> list[event_pb2.Event]:
        """Watch a run until it has ended, and return what happened."""
        return [frame.event for frame in await self.frames(name) if frame.HasField("event")]

    async def output(self, name: str, offset_bytes: int = 0, follow: bool = True) -> bytes:
        """Read what a run prints until the stream ends by itself."""
        request = run_service_pb2.TailLogsRequest(
            name=name, offset_bytes=offset_bytes, follow=follow
        )
        async with asyncio.timeout(20):
            return b"".join([piece.data async for piece in self.stub.TailLogs(request)])

    async def artifact(self, name: str, artifact_id: str, offset_bytes: int = 0) -> bytes:
        """Read an artifact of a run."""
        request = run_service_pb2.ReadArtifactRequest(
            name=name, artifact_id=artifact_id, offset_bytes=offset_bytes
        )
        return b"".join([piece.data async for piece in self.stub.ReadArtifact(request)])


@asynccontextmanager
async def runner_here(
    nats_url: str, data_dir: pathlib.Path, **changes: Any
) -> AsyncIterator[Caller]:
    """Run a runner in this process."""
    settings = AgentRunnerSettings(
        data_dir=data_dir, nats_url=nats_url, port_base=free_port_base(), **(QUICK | changes)
    )
    stop, ready = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(run_service(SERVICE, settings, stop, ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    channel = open_channel(f"127.0.0.1:{settings.port}", settings, orchestrator_of(data_dir))
    try:
        yield Caller(channel)
    finally:
        await channel.close()
        stop.set()
        await running


class RunnerProcess:
    """A runner in a process of its own."""

    def __init__(self, nats_url: str, data_dir: pathlib.Path, **changes: Any) -> None:
        self.data_dir = data_dir
        self._port_base = free_port_base(int(changes.get("replica", 0)) + 1)
        self._log = data_dir / f"agent_runner-{changes.get('replica', 0)}.log"
        given = QUICK | changes | {"data_dir": data_dir, "nats_url": nats_url}
        given["port_base"] = self._port_base
        self._env = os.environ | {
            f"ADJUTANT_{name.upper()}": str(value) for name, value in given.items()
        }
        self._process: subprocess.Popen[bytes] | None = None
        port = port_of("agent_runner", self._port_base, int(changes.get("replica", 0)))
        address = f"127.0.0.1:{port}"
        settings = AgentRunnerSettings(data_dir=data_dir)
        self._channel = open_channel(address, settings, orchestrator_of(data_dir))
        self.caller = Caller(self._channel)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that runs, or ran last."""
        assert self._process is not None
        return self._process

    async def start(self) -> None:
        """Start it and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.agent_runner"], env=self._env, stderr=log
            )
        async with asyncio.timeout(20):
            while not await self._answers():
                assert self._process.poll() is None, self._log.read_text()
                await asyncio.sleep(0.05)

    @property
    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()

    def kill(self) -> None:
        """End it as a crash would, and nothing but it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    async def close(self) -> None:
        """Cancel what runs, and end it."""
        if self._process is not None and self._process.poll() is None:
            request = run_service_pb2.ListRunsRequest(parent=self.caller.parent)
            for run in (await self.caller.stub.ListRuns(request)).runs:
                if run.state not in FINAL:
                    await self.caller.cancel(run.name)
                    await self.caller.end(run.name)
            self._process.terminate()
            await until(lambda: self._process is None or self._process.poll() is not None)
        await self._channel.close()

    async def _answers(self) -> bool:
        request = run_service_pb2.ListRunsRequest(parent=self.caller.parent)
        with suppress(grpc.aio.AioRpcError):
            await self.caller.stub.ListRuns(request, timeout=1)
            return True
        return False


async def token_of(runner: RunnerProcess, name: str) -> str:
    """Return the report token of a run whose job tells it."""
    job = ".".join(name.split("/")[1::2])
    folder = runner.data_dir / "agent_runner" / "runs" / job
    await until(lambda: [p for p in folder.glob("*/workspace/token") if p.read_text()])
    return next(folder.glob("*/workspace/token")).read_text()
