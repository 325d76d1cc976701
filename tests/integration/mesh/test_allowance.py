"""Limits at the door: who is over one is told which, and when to come again; and it is counted."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import task_service_pb2, task_service_pb2_grpc
from services.mesh.access.bucket import PolicyBucket
from services.mesh.access.policy import Key
from services.mesh.embedded import EmbeddedNats
from services.mesh.identity.api_keys import make_token
from tests.integration.mesh.harness import PARENT, TASK, eventually
from tests.integration.mesh.serving import GET, Served, refused, serving
from tests.support.metrics import Row, counted

WATCH = task_service_pb2.WatchTaskRequest(name=TASK)
BURST = 5
SLOW: dict[str, Any] = {"rate_limit_key_per_minute": 6, "rate_limit_burst_s": 10.0 * BURST}
ELSEWHERE = task_service_pb2.GetTaskRequest(name="clients/other/projects/web/tasks/t-1")


def details(error: grpc.aio.AioRpcError) -> tuple[error_details_pb2.ErrorInfo, float]:
    """Return what an error says, and the seconds after which to come again."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(error)
    assert status is not None
    for detail in status.details:
        detail.Unpack(info)
        detail.Unpack(retry)
    return info, retry.retry_delay.ToNanoseconds() / 1e9


class Program:
    """Calls with an API key that is good for a project."""

    def __init__(self, channel: grpc.aio.Channel, token: str) -> None:
        self.channel = channel
        self._stub = task_service_pb2_grpc.TaskServiceStub(channel)
        self._metadata = (("authorization", f"Bearer {token}"),)

    def get(self, request: Any = GET) -> Any:
        return self._stub.GetTask(request, metadata=self._metadata)

    def watch(self) -> Any:
        return self._stub.WatchTask(WATCH, metadata=self._metadata)


@contextlib.asynccontextmanager
async def program(served: Served) -> AsyncIterator[Program]:
    """Make an API key as the orchestrator does, and whoever calls with it."""
    made = await asyncio.to_thread(make_token)
    key = Key(
        name=f"{PARENT}/apiKeys/k-1",
        revision=1,
        key_id=made.key_id,
        scope=PARENT,
        permissions=[access_pb2.PERMISSION_TASKS_READ],
        salt=made.salt,
        digest=made.digest,
    )
    await PolicyBucket(served.mesh.events).put(key)
    async with grpc.aio.insecure_channel(served.address) as channel:
        yield Program(channel, made.token)


async def test_a_program_over_its_limit_is_told_which_and_when(
    tmp_path: pathlib.Path, nats: EmbeddedNats, reader: InMemoryMetricReader
) -> None:
    before = sum(counted(reader, "adjutant.calls.limited").values())
    async with (
        serving(tmp_path, nats.url, **SLOW) as served,
        program(served) as caller,
    ):
        for _ in range(BURST):
            await caller.get()
        error = await refused(caller.get())
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        info, retry_s = details(error)
        assert info.reason == "RATE_LIMITED"
        assert dict(info.metadata) == {"limit": "key", "per_minute": "6"}
        assert 0 < retry_s <= 10
        for _ in range(3 * BURST):
            await served.stub.GetTask(GET)  # the owner
        assert served.tasks.calls == 4 * BURST
    rows = counted(reader, "adjutant.calls.limited")
    assert rows[(("limit", "key"),)] == before + 1


async def test_what_is_refused_counts_for_its_caller_and_not_for_the_client(
    tmp_path: pathlib.Path, nats: EmbeddedNats, reader: InMemoryMetricReader
) -> None:
    before = counted(reader, "adjutant.calls.denied")
    row: Row = (
        ("method", "GetTask"),
        ("reason", "PERMISSION_DENIED"),
        ("service", "adjutant.orchestrator.v1.TaskService"),
    )
    async with (
        serving(tmp_path, nats.url, **SLOW, rate_limit_client_per_minute=1) as served,
        program(served) as caller,
    ):
        codes = [(await refused(caller.get(ELSEWHERE))).code() for _ in range(BURST + 1)]
        buckets = await limits_known(served)
    assert codes[-2:] == [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert {bucket.partition(".")[0] for bucket in buckets} == {"key", "clock"}
    rows = counted(reader, "adjutant.calls.denied")
    assert rows[row] - before.get(row, 0) == BURST
    assert "other" not in str(rows)
    assert "apiKeys" not in str(rows)


async def limits_known(served: Served) -> list[str]:
    """Return the places of all buckets that somebody took from."""
    stream = "KV_adjutant_limits"
    info = await served.mesh.events.jetstream.stream_info(stream, subjects_filter=">")
    return [name.removeprefix("$KV.adjutant_limits.") for name in info.state.subjects or {}]


async def test_streams_are_counted_while_they_are_open(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    async with (
        serving(tmp_path, nats.url, max_streams_key=2) as served,
        program(served) as caller,
    ):
        going_on = asyncio.Event()

        async def stay(_: Any) -> None:
            await going_on.wait()

        served.tasks.act = stay
        streams = [caller.watch() for _ in range(2)]
        for stream in streams:
            await stream.read()
        error = await refused(caller.watch().read())
        info, retry_s = details(error)
        assert info.reason == "TOO_MANY_STREAMS"
        assert dict(info.metadata) == {"limit": "key", "most": "2"}
        assert retry_s > 0
        streams[0].cancel()
        await eventually(served.tasks.watch_ended.is_set)

        async def opens() -> bool:
            stream = caller.watch()
            try:
                await stream.read()
            except grpc.aio.AioRpcError:
                return False
            streams.append(stream)
            return True

        async with asyncio.timeout(30):
            while not await opens():
                await asyncio.sleep(0.01)
        going_on.set()
        for stream in streams:
            stream.cancel()


async def test_wrong_credentials_get_slow_and_good_ones_do_not(
    tmp_path: pathlib.Path, nats: EmbeddedNats
) -> None:
    settings: dict[str, Any] = {
        "rate_limit_failures_per_minute": 6,
        "rate_limit_burst_s": 10.0 * BURST,
    }
    async with (
        serving(tmp_path, nats.url, **settings) as served,
        program(served) as caller,
    ):
        await caller.get()
        guess = Program(caller.channel, f"adj_{'a' * 16}_{'b' * 43}")
        reasons = [details(await refused(guess.get()))[0].reason]
        while reasons[-1] == "INVALID_CREDENTIAL":
            assert len(reasons) < 20 * BURST
            reasons.append(details(await refused(guess.get()))[0].reason)
        assert len(reasons) > BURST / 2
        assert reasons[-1] == "RATE_LIMITED"
        await caller.get()
        await served.stub.GetTask(GET)
