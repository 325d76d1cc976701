"""Streams go on by themselves: each event once, in order, whatever cuts the connection."""

import asyncio
import contextlib
import random

import grpc
import pytest

from services import client as api
from tests.doubles.mesh import PROJECT, MeshDouble
from tests.unit.client.conftest import QUICK

TASK = f"{PROJECT}/tasks/t"
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def _task_with_events(mesh: MeshDouble, count: int = 8) -> None:
    mesh.add_task("t")
    for _ in range(count - 1):
        mesh.add_state(TASK, "ORCHESTRATING")
    mesh.add_state(TASK, "COMPLETED")


async def _watched(adjutant: api.Adjutant, cursor: str = "") -> list[str]:
    return [
        frame.event.event_id
        async for frame in adjutant.tasks.watch(TASK, cursor=cursor)
        if frame.event is not None
    ]


def _ids(first: int, last: int) -> list[str]:
    return [f"event-{number}" for number in range(first, last + 1)]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (UNAVAILABLE, ""),
        (UNAVAILABLE, "SHUTTING_DOWN"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "SLOW_CONSUMER"),
    ],
)
async def test_a_cut_stream_goes_on_where_it_was(
    mesh: MeshDouble, adjutant: api.Adjutant, code: grpc.StatusCode, reason: str
) -> None:
    _task_with_events(mesh)
    mesh.cuts.extend([(3, code, reason), (0, code, reason), (2, code, reason)])
    assert await _watched(adjutant) == _ids(1, 8)
    assert [request.cursor for request in mesh.requests] == ["", "3", "3", "5"]


async def test_a_cursor_starts_after_what_was_seen(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    _task_with_events(mesh)
    assert await _watched(adjutant, cursor="6") == _ids(7, 8)


async def test_an_event_that_the_service_repeats_is_yielded_once(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    _task_with_events(mesh, 4)
    mesh.events.insert(2, mesh.events[1])
    assert await _watched(adjutant) == _ids(1, 4)


async def test_live_is_said_once_over_all_connections(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    mesh.add_task("t")
    mesh.add_state(TASK, "QUEUED")
    mesh.cuts.append((2, UNAVAILABLE, ""))
    frames = []
    async with contextlib.aclosing(adjutant.tasks.watch(TASK)) as stream:
        async for frame in stream:
            frames.append("live" if frame.live is not None else "event")
            if frame.live is not None:
                mesh.add_state(TASK, "COMPLETED")
                await mesh.announce()
    assert frames == ["event", "live", "event"]


async def test_a_server_that_is_started_anew_is_found_again(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    mesh.add_task("t")
    mesh.add_state(TASK, "QUEUED")
    seen = []

    async def watch() -> None:
        async for frame in adjutant.tasks.watch(TASK):
            seen.append(frame)

    watching = asyncio.create_task(watch())
    while len(seen) < 2:
        await asyncio.sleep(0.01)
    port = mesh.port
    await mesh.stop()
    mesh.add_state(TASK, "COMPLETED")
    await mesh.start(port)
    await asyncio.wait_for(watching, 10)
    assert [frame.event.event_id for frame in seen if frame.event] == _ids(1, 2)


async def test_a_subscription_is_taken_up_again_even_when_it_ends_in_peace(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    _task_with_events(mesh, 3)
    mesh.cuts.append((2, grpc.StatusCode.OK, ""))
    seen = []
    async with contextlib.aclosing(adjutant.subscriptions.subscribe(from_start=True)) as stream:
        async for frame in stream:
            if frame.event is not None:
                seen.append(frame.event.event_id)
            if len(seen) == 3:
                break
    assert seen == _ids(1, 3)
    assert [request.from_start for request in mesh.requests] == [True, False]


async def test_an_answer_that_is_no_lost_connection_ends_the_stream(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    _task_with_events(mesh)
    mesh.cuts.append((1, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_CURSOR"))
    with pytest.raises(api.InvalidRequestError) as caught:
        await _watched(adjutant)
    assert caught.value.reason == "INVALID_CURSOR"


async def test_nobody_there_is_said_after_the_first_seconds() -> None:
    async with api.Adjutant("127.0.0.1:1", reconnect=QUICK) as adjutant:
        with pytest.raises(api.UnreachableError):
            await _watched(adjutant)


async def test_output_is_whole_after_a_cut(mesh: MeshDouble, adjutant: api.Adjutant) -> None:
    run = mesh.add_run("r", output=bytes(range(30)), patch=b"--- a\n+++ b\n")
    mesh.cuts.extend([(3, UNAVAILABLE, ""), (1, UNAVAILABLE, "")])
    pieces = [piece async for piece in adjutant.runs.logs(run.name, follow=True)]
    assert b"".join(pieces) == bytes(range(30))
    assert [request.offset_bytes for request in mesh.requests] == [0, 12, 16]
    patch = [piece async for piece in adjutant.runs.artifact(run.name)]
    assert b"".join(patch) == b"--- a\n+++ b\n"


async def test_leaving_a_stream_ends_the_call(mesh: MeshDouble, adjutant: api.Adjutant) -> None:
    mesh.add_task("t")
    mesh.add_state(TASK, "QUEUED")
    async with contextlib.aclosing(adjutant.tasks.watch(TASK)) as stream:
        async for _ in stream:
            break
    mesh.add_state(TASK, "COMPLETED")
    assert await _watched(adjutant) == _ids(1, 2)


async def test_wait_returns_the_task_in_its_final_state(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    _task_with_events(mesh)
    assert (await adjutant.tasks.wait(TASK)).state.name == "COMPLETED"


async def test_a_call_can_be_repeated_until_somebody_answers(
    mesh: MeshDouble, adjutant: api.Adjutant
) -> None:
    mesh.add_task("t")
    mesh.failing_calls = 7
    task = await api.until_reachable(lambda: adjutant.tasks.get(TASK), QUICK)
    assert task.name == TASK
    nobody = api.ReconnectPolicy(again_s=0.0)
    async with api.Adjutant("127.0.0.1:1") as nowhere:
        with pytest.raises(api.UnreachableError):
            await api.until_reachable(lambda: nowhere.tasks.get(TASK), nobody)


@pytest.mark.parametrize("seed", range(10))
async def test_random_cuts_neither_lose_nor_repeat_an_event(
    mesh: MeshDouble, adjutant: api.Adjutant, seed: int
) -> None:
    chance = random.Random(seed)
    _task_with_events(mesh, 200)
    kinds = [
        (UNAVAILABLE, ""),
        (UNAVAILABLE, "SHUTTING_DOWN"),
        (UNAVAILABLE, "EVENT_LOG_UNAVAILABLE"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "SLOW_CONSUMER"),
    ]
    mesh.cuts.extend((chance.randrange(12), *chance.choice(kinds)) for _ in range(25))
    assert await _watched(adjutant) == _ids(1, 200)
