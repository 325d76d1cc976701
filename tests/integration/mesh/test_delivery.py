"""Answers that nobody reads are not held without end."""

import asyncio
from pathlib import Path
from typing import Any

import grpc

from adjutant.orchestrator.v1 import task_pb2, task_service_pb2
from services.mesh.embedded import EmbeddedNats
from services.mesh.interceptors.delivery import MAX_UNREAD_BYTES
from tests.hostile.wire import Wire
from tests.integration.mesh.harness import eventually
from tests.integration.mesh.serving import GET, TASK, Served, refused, serving
from tests.support.access import owner_of

SIZE_BYTES = 4 * 2**20 - 1000
MANY = MAX_UNREAD_BYTES // SIZE_BYTES
LONG = task_service_pb2.GetTaskResponse(
    task=task_pb2.Task(name=TASK, instructions="x" * SIZE_BYTES)
)
PATH = "/adjutant.orchestrator.v1.TaskService/GetTask"


async def _leave_unread(served: Served, folder: Path, answer: Any = LONG) -> Wire:
    """Call for as much as may be left unread, and give no room to send it in."""

    async def act(_: Any) -> Any:
        return answer

    served.tasks.act = act
    wire = await Wire.open(int(served.address.rpartition(":")[2]))
    wire.greet({4: 0})
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", PATH),
        (":authority", served.address),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("authorization", f"Bearer {owner_of(folder)()}"),
    ]
    for _ in range(MANY):
        wire.call(headers, GET.SerializeToString())
    await wire.flush()
    await eventually(lambda: served.tasks.calls >= MANY)
    return wire


async def test_who_leaves_too_much_unread_gets_no_more_until_it_is_read(
    tmp_path: Path, nats: EmbeddedNats
) -> None:
    async with serving(tmp_path, nats.url) as served:
        wire = await _leave_unread(served, tmp_path)
        error = await refused(served.stub.GetTask(GET))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "wait for you to read them" in (error.details() or "")
        await wire.abort()
        async with asyncio.timeout(10):
            while not await _is_answered(served):
                await asyncio.sleep(0.05)


async def test_an_answer_that_nobody_reads_is_dropped_when_its_time_is_over(
    tmp_path: Path, nats: EmbeddedNats
) -> None:
    async with serving(tmp_path, nats.url, unary_timeout_s=1.0) as served:
        wire = await _leave_unread(served, tmp_path)
        async with asyncio.timeout(10):
            while not await _is_answered(served):
                await asyncio.sleep(0.05)
        await wire.abort()


async def test_small_answers_that_nobody_reads_are_dropped_too(
    tmp_path: Path, nats: EmbeddedNats
) -> None:
    async with serving(tmp_path, nats.url, unary_timeout_s=1.0) as served:
        wire = await _leave_unread(served, tmp_path, task_service_pb2.GetTaskResponse())
        held = len(asyncio.all_tasks())
        await eventually(lambda: len(asyncio.all_tasks()) <= held - MANY)
        assert await _is_answered(served)
        await wire.abort()


async def _is_answered(served: Served) -> bool:
    try:
        await served.stub.GetTask(GET)
    except grpc.aio.AioRpcError as error:
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        return False
    return True
