"""StartRun → accepted, → the command runs, → its end is seen.

The command itself says when it runs, as in `floor_spawn`. One run at a time:
each has ended before the next is started.
"""

import asyncio
import pathlib
import tempfile

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from bench import floor_grpc, floor_spawn, floor_sqlite, harness
from bench.mesh import PARENT, WAIT_TIMEOUT_S, mesh

ACCEPTED = "StartRun → accepted and durable"
RUNNING = "StartRun → process running"
ENDED = "StartRun → end seen by WatchRun"
AIMS = {"p99": 20.0}
WARM_UP_RUNS = 5


async def measure(seconds: float) -> list[harness.Figure]:
    """Start runs one after the other and watch each to its end."""
    accepted: list[float] = []
    running: list[float] = []
    ended: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        bell = floor_spawn.Doorbell(pathlib.Path(folder))
        spec = run_pb2.RunSpec(agent="command", command_line=bell.command_line)
        request = run_service_pb2.StartRunRequest(parent=PARENT, spec=spec)
        async with mesh("agent_runner") as channels:
            stub = run_service_pb2_grpc.RunServiceStub(channels["agent_runner"])
            end = harness.now_ms() + seconds * 2000
            while len(running) <= WARM_UP_RUNS or harness.now_ms() < end:
                async with asyncio.timeout(WAIT_TIMEOUT_S):
                    start = harness.now_ms()
                    run = (await stub.StartRun(request)).run
                    accepted.append(harness.now_ms() - start)
                    running.append(await bell.rung() - start)
                    async for _ in stub.WatchRun(run_service_pb2.WatchRunRequest(name=run.name)):
                        pass  # it ends by itself after the final state
                    ended.append(harness.now_ms() - start)
        bell.close()
    call, commit, spawn = floor_grpc.NAME, floor_sqlite.NAME, floor_spawn.RUNS
    kept = slice(WARM_UP_RUNS, None)
    return [
        harness.figure(ACCEPTED, accepted[kept], floors=(call, commit)),
        harness.figure(RUNNING, running[kept], floors=(call, commit, spawn), aims=AIMS),
        harness.figure(ENDED, ended[kept], floors=(call, commit, spawn)),
    ]


if __name__ == "__main__":
    harness.main(measure, __doc__)
