"""Event committed → subscriber, with 1 subscriber, 100 and 1,000.

A run that sleeps is reported on over the wire, again and again; each report is
an event. It is timed from just before its commit, which is when it was made, to
the arrival at each subscriber of the notification service.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc.aio

from adjutant.agent_runner.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc
from adjutant.event.v1 import event_pb2
from adjutant.notification.v1 import subscription_service_pb2, subscription_service_pb2_grpc
from bench import floor_fanout, harness
from bench.mesh import PARENT, WAIT_TIMEOUT_S, mesh

NAME = "event committed → {} subscriber{}"
AIMS = {1: {"p50": 2.0, "p99": 10.0}, 1000: {"p99": 100.0}}
FLOOR_TIMES = 1.5
"""How many times the plain fan-out's p50 it may take."""


@contextlib.asynccontextmanager
async def reported_run(channel: grpc.aio.Channel, interval_s: float) -> AsyncIterator[None]:
    """Keep a run going and report on it at a steady pace for as long as the block runs."""
    stub = run_service_pb2_grpc.RunServiceStub(channel)
    spec = run_pb2.RunSpec(
        agent="command", command_line="printenv ADJUTANT_REPORT_TOKEN; exec sleep 600"
    )
    run = (await stub.StartRun(run_service_pb2.StartRunRequest(parent=PARENT, spec=spec))).run
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        token = await first_line(stub, run.name)
    reports = asyncio.create_task(report(stub, run.name, token, interval_s))
    try:
        yield
    finally:
        reports.cancel()
        await asyncio.gather(reports, return_exceptions=True)
        await stub.CancelRun(run_service_pb2.CancelRunRequest(name=run.name))


async def first_line(stub: "run_service_pb2_grpc.RunServiceAsyncStub", name: str) -> str:
    """Wait for the first line that a run prints."""
    printed = b""
    request = run_service_pb2.TailLogsRequest(name=name, follow=True)
    async for piece in stub.TailLogs(request):
        printed += piece.data
        if b"\n" in printed:
            return printed.split(b"\n")[0].decode()
    raise RuntimeError(f"{name} ended without a word: {printed!r}")


async def report(
    stub: "run_service_pb2_grpc.RunServiceAsyncStub", name: str, token: str, interval_s: float
) -> None:
    """Report progress until cancelled."""
    number = 0
    while True:
        number += 1
        request = run_service_pb2.ReportRunRequest(
            name=name, report_token=token, percent=number % 100, message=f"{number} done"
        )
        await stub.ReportRun(request)
        await asyncio.sleep(interval_s)


async def measure(seconds: float) -> list[harness.Figure]:
    """Time events to each subscriber, for each number of subscribers."""
    figures = []
    request = subscription_service_pb2.SubscribeRequest(
        parent=PARENT, kinds=[event_pb2.EVENT_KIND_RUN_PROGRESS]
    )
    # A runner makes five events a second of one run, whatever its job says; here it is all.
    every = {"ADJUTANT_PROGRESS_INTERVAL_S": "0.001"}
    async with mesh("agent_runner", "notification", **every) as channels:
        stub = subscription_service_pb2_grpc.SubscriptionServiceStub(channels["notification"])
        for subscribers in floor_fanout.SUBSCRIBERS:
            interval_s = floor_fanout.event_interval_s(subscribers)
            async with reported_run(channels["agent_runner"], interval_s):
                samples = await floor_fanout.arrivals(
                    lambda: stub.Subscribe(request), subscribers, seconds
                )
            figures.append(
                harness.figure(
                    NAME.format(subscribers, "s" if subscribers > 1 else ""),
                    samples,
                    floors=(floor_fanout.name(subscribers),),
                    aims=AIMS.get(subscribers),
                    aim_ratio=FLOOR_TIMES,
                )
            )
    return figures


if __name__ == "__main__":
    harness.main(measure, __doc__)
