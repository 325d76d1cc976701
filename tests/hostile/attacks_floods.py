"""More of what is allowed than anybody can need."""

import asyncio

from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.hostile.enemy import Enemy
from tests.hostile.wire import Wire

_BATCH = 1000


async def settings_flood(enemy: Enemy) -> None:
    """50,000 settings, each of which must be acknowledged; nobody reads the answers."""
    wire = await enemy.connect(reads=False)
    for number in range(50):
        frame = SettingsFrame(settings={4: 65535 + number, 1: number * 100}).serialize()
        await _pour(wire, frame * _BATCH)
    await wire.abort()


async def ping_flood(enemy: Enemy) -> None:
    """100,000 pings, each of which must be answered; nobody reads the answers."""
    wire = await enemy.connect(reads=False)
    for _ in range(100):
        await _pour(wire, PingFrame(opaque_data=enemy.chance.randbytes(8)).serialize() * _BATCH)
    await wire.abort()


async def empty_frames_flood(enemy: Enemy) -> None:
    """Frames that carry nothing: data, priorities, windows."""
    wire = await enemy.connect()
    stream = enemy.call(wire, enemy.some_path(), end=False)
    for _ in range(30):
        await _pour(wire, DataFrame(stream, b"").serialize() * _BATCH)
        await _pour(wire, PriorityFrame(stream + 2, depends_on=0).serialize() * _BATCH)
        await _pour(wire, WindowUpdateFrame(stream, window_increment=1).serialize() * _BATCH)
    await wire.abort()


async def header_flood(enemy: Enemy) -> None:
    """Calls with thousands of headers."""
    for _ in range(20):
        wire = await enemy.connect()
        many = [(f"x-{enemy.chance.randrange(10**6)}", "v" * 20) for _ in range(3000)]
        _split(enemy, wire, wire.encoder.encode(enemy.headers(enemy.some_path(), *many)))
        await wire.flush()
        await wire.close()


async def huge_headers(enemy: Enemy) -> None:
    """Calls with a header of megabytes, or one just over and under what is allowed."""
    for size in (7_000, 8_200, 15_000, 16_500, 64_000, 1_000_000, 8_000_000):
        wire = await enemy.connect()
        name = enemy.chance.choice(("authorization", "x-a", "traceparent", "grpc-timeout", "x-bin"))
        long = enemy.headers(enemy.some_path(), (name, "a" * size))
        _split(enemy, wire, wire.encoder.encode(long, huffman=False))
        await wire.flush()
        await wire.close()


async def header_bomb(enemy: Enemy) -> None:
    """A long header once, and then a byte for each repetition: 4 KB become 16 MB."""
    for _ in range(10):
        wire = await enemy.connect()
        first = wire.encoder.encode([*enemy.headers(enemy.some_path()), ("x-bomb", "b" * 3900)])
        _split(enemy, wire, first + b"\xbe" * 4096)
        await wire.flush()
        await wire.close()


async def continuation_flood(enemy: Enemy) -> None:
    """Headers that never end."""
    for _ in range(4):
        wire = await enemy.connect()
        stream = wire.next_stream()
        enemy.tally.streams += 1
        block = wire.encoder.encode(enemy.headers(enemy.some_path()))
        wire.send(HeadersFrame(stream, block))
        for number in range(200):
            piece = wire.encoder.encode([(f"x-{number}-{n}", "v" * 50) for n in range(150)])
            wire.send(ContinuationFrame(stream, piece))
        for _ in range(20):
            await _pour(wire, ContinuationFrame(stream, b"").serialize() * _BATCH)
        await wire.abort()


async def rapid_reset(enemy: Enemy) -> None:
    """10,000 streams opened and given up at once."""
    for _ in range(10):
        wire = await enemy.connect()
        for number in range(1000):
            wire.reset(enemy.call(wire, enemy.some_path()))
            if number % 100 == 99:
                await wire.flush()
                await asyncio.sleep(0)
        await wire.close()


async def dropped_streams(enemy: Enemy) -> None:
    """10,000 streams left open when their connection is torn down."""
    streaming = [m.path for m in enemy.target.methods if m.streams] or [enemy.some_path()]
    for number in range(100):
        wire = await enemy.connect(reads=number % 2 == 0)
        for _ in range(100):
            enemy.call(wire, enemy.chance.choice(streaming), b"", end=number % 3 > 0)
        await wire.flush()
        await wire.abort()


async def too_many_streams(enemy: Enemy) -> None:
    """5,000 streams at a time on one connection, whatever the target said of how many."""
    wire = await enemy.connect()
    for number in range(5000):
        enemy.call(wire, enemy.some_path(), end=False)
        if number % 250 == 249:
            await wire.flush()
    await asyncio.sleep(0.5)
    await wire.abort()


def _split(enemy: Enemy, wire: Wire, block: bytes) -> None:
    """Send a block of headers in frames that are small enough."""
    enemy.tally.streams += 1
    stream = wire.next_stream()
    pieces = [block[at : at + 16384] for at in range(0, len(block), 16384)]
    first, rest = pieces[0], pieces[1:]
    wire.send(HeadersFrame(stream, first, flags=[] if rest else ["END_HEADERS"]))
    for number, piece in enumerate(rest, 1):
        flags = ["END_HEADERS"] if number == len(rest) else []
        wire.send(ContinuationFrame(stream, piece, flags=flags))


async def _pour(wire: Wire, content: bytes) -> None:
    wire.send(content)
    await wire.flush()


ATTACKS = (
    settings_flood,
    ping_flood,
    empty_frames_flood,
    header_flood,
    huge_headers,
    header_bomb,
    continuation_flood,
    rapid_reset,
    dropped_streams,
    too_many_streams,
)
