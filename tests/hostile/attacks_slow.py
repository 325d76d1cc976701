"""Those who take their time: with writing, with reading, with saying anything at all."""

import asyncio
from typing import Final

from hyperframe.frame import DataFrame, HeadersFrame, SettingsFrame

from adjutant.notification.v1 import subscription_service_pb2
from adjutant.orchestrator.v1 import task_service_pb2
from tests.hostile.enemy import Enemy
from tests.hostile.wire import PREFACE, Wire, message

_FIRST_WINDOW_BYTES: Final = 65535
HOLD_S: Final = 2.0
"""Seconds that connections are held; whoever is slow is so for the whole of it."""


async def idle_connections(enemy: Enemy) -> None:
    """1,000 connections that say nothing, or no more than hello."""
    wires: list[Wire] = []
    for number in range(1000):
        wire = await enemy.dial()
        if number % 2:
            wire.greet({})
        wires.append(wire)
        if number % 50 == 49:
            await asyncio.sleep(0)
    await asyncio.sleep(HOLD_S)
    for wire in wires:
        await wire.abort()


async def churn(enemy: Enemy) -> None:
    """1,000 connections one after the other, each with a call, none waits for its answer."""
    for number in range(1000):
        wire = await enemy.dial()
        if number % 3:
            wire.greet({})
            enemy.call(wire, enemy.some_path(), enemy.bytes(50))
        await wire.abort()


async def slow_writers(enemy: Enemy) -> None:
    """200 calls whose bytes come a few a second: the preface, the headers, the message."""
    wires = [await enemy.dial() for _ in range(200)]
    texts = [_whole_call(enemy, wire) for wire in wires]
    starts = [enemy.chance.choice((0, 12, 24, 60, len(text) - 10)) for text in texts]
    for wire, text, start in zip(wires, texts, starts, strict=True):
        wire.send(text[:start])
    for tick in range(int(HOLD_S / 0.25)):
        for wire, text, start in zip(wires, texts, starts, strict=True):
            wire.send(text[start + tick : start + tick + 1])
        await asyncio.sleep(0.25)
    for wire in wires:
        await wire.abort()


async def unfinished_messages(enemy: Enemy) -> None:
    """10,000 calls by nobody, each with all of its message that is taken at first, and no more."""
    wires = []
    begun = message(b"m" * _FIRST_WINDOW_BYTES, length=4 * 2**20)[:_FIRST_WINDOW_BYTES]
    pieces = [begun[at : at + 16384] for at in range(0, len(begun), 16384)]
    for _ in range(10):
        wire = await enemy.connect()
        wires.append(wire)
        for _ in range(1000):
            stream = wire.next_stream()
            enemy.tally.streams += 1
            headers = [h for h in enemy.headers(enemy.some_path()) if h[0] != "authorization"]
            block = wire.encoder.encode(headers)
            wire.send(HeadersFrame(stream, block, flags=["END_HEADERS"]))
            wire.send(*(DataFrame(stream, piece) for piece in pieces))
            await wire.flush()
    await asyncio.sleep(HOLD_S)
    for wire in wires:
        await wire.abort()


def _whole_call(enemy: Enemy, wire: Wire) -> bytes:
    enemy.tally.streams += 1
    enemy.tally.requests += 1
    block = wire.encoder.encode(enemy.headers(enemy.some_path()))
    frames = (
        SettingsFrame(),
        HeadersFrame(1, block, flags=["END_HEADERS"]),
        DataFrame(1, message(enemy.bytes(200)), flags=["END_STREAM"]),
    )
    return PREFACE + b"".join(frame.serialize() for frame in frames)


async def never_readers(enemy: Enemy) -> None:
    """Calls with long answers by somebody who gives no window to send them in."""
    wires = []
    for number in range(10):
        # No window at all, or windows as large as can be and a socket that nobody reads.
        window = 0 if number % 2 else 2**31 - 1
        wire = await enemy.connect(settings={4: window}, reads=False)
        wires.append(wire)
        for _ in range(10):
            enemy.call(wire, *_long_answer(enemy))
        await wire.flush()
    await asyncio.sleep(HOLD_S)
    for wire in wires:
        await wire.abort()


async def crawling_readers(enemy: Enemy) -> None:
    """Readers who open their window by a byte at a time."""
    wires = [await enemy.connect(settings={4: 1}) for _ in range(20)]
    streams = [enemy.call(wire, *_long_answer(enemy)) for wire in wires]
    for _ in range(int(HOLD_S / 0.1)):
        for wire, stream in zip(wires, streams, strict=True):
            wire.send(b"\x00\x00\x04\x08\x00" + stream.to_bytes(4, "big") + b"\x00\x00\x00\x01")
        await asyncio.sleep(0.1)
    for wire in wires:
        await wire.close()


def _long_answer(enemy: Enemy) -> tuple[str, bytes]:
    """Return a call that has a lot to answer, of those that the target has."""
    project = enemy.target.project
    tasks = task_service_pb2.ListTasksRequest(parent=project)
    events = subscription_service_pb2.SubscribeRequest(parent=project, from_start=True)
    known = {
        "/adjutant.orchestrator.v1.TaskService/ListTasks": tasks.SerializeToString(),
        "/adjutant.notification.v1.SubscriptionService/Subscribe": events.SerializeToString(),
    }
    paths = {method.path for method in enemy.target.methods}
    found = [(path, content) for path, content in known.items() if path in paths]
    return enemy.chance.choice(found or [(enemy.some_path(), b"")])


NEED_LONG_ANSWERS = (never_readers, crawling_readers)
ATTACKS = (
    idle_connections,
    churn,
    slow_writers,
    unfinished_messages,
    never_readers,
    crawling_readers,
)
