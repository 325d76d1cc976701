"""What is no HTTP/2, and HTTP/2 in the wrong order."""

import asyncio

from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.hostile.enemy import Enemy
from tests.hostile.wire import PREFACE, message

_CLIENT_HELLO = bytes.fromhex("1603010200010001fc0303") + bytes(range(256))


async def raw_garbage(enemy: Enemy) -> None:
    """Bytes that are nothing at all."""
    for _ in range(40):
        wire = await enemy.dial()
        wire.send(enemy.bytes(65536))
        await wire.flush()
        await (wire.abort() if enemy.chance.random() < 0.5 else wire.close())


async def other_protocols(enemy: Enemy) -> None:
    """HTTP/1.1, TLS, half a preface."""
    http = b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n"
    openings = [
        http,
        b"GET / HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        _CLIENT_HELLO,
        PREFACE[: enemy.chance.randint(1, len(PREFACE) - 1)],
        PREFACE[:10] + b"\x00" * 100,
        PREFACE,
    ]
    for opening in openings * 4:
        wire = await enemy.dial()
        wire.send(opening)
        await wire.flush()
        await wire.abort()


async def garbage_frames(enemy: Enemy) -> None:
    """Frames of any type with any flags and any content."""
    for _ in range(40):
        wire = await enemy.connect()
        for _ in range(enemy.chance.randint(1, 50)):
            wire.send(_some_frame(enemy))
        await wire.flush()
        await wire.close()


def _some_frame(enemy: Enemy) -> bytes:
    content = enemy.bytes(2000)
    length = len(content) if enemy.chance.random() < 0.8 else enemy.chance.randrange(2**24)
    kind = enemy.chance.randrange(enemy.chance.choice((12, 12, 12, 256)))
    stream = enemy.chance.choice((0, 1, 2, 3, 2**31 - 1, enemy.chance.randrange(2**32)))
    head = length.to_bytes(3, "big") + bytes((kind, enemy.chance.randrange(256)))
    return head + stream.to_bytes(4, "big") + content


async def wrong_order(enemy: Enemy) -> None:
    """Frames that are right by themselves, where they must not be."""
    for _ in range(60):
        wire = await enemy.connect()
        frames = _frames_out_of_place(enemy, wire.encoder.encode(enemy.headers(enemy.some_path())))
        enemy.chance.shuffle(frames)
        enemy.tally.streams += 1
        for frame in frames[: enemy.chance.randint(1, len(frames))]:
            wire.send(frame)
        await wire.flush()
        await wire.close()


def _frames_out_of_place(enemy: Enemy, block: bytes) -> list[bytes | Frame]:
    stream = enemy.chance.choice((1, 3, 5))
    return [
        HeadersFrame(stream, block, flags=["END_HEADERS"]),
        HeadersFrame(stream, block, flags=["END_HEADERS", "END_STREAM"]),
        HeadersFrame(2, block, flags=["END_HEADERS"]),
        HeadersFrame(stream, block[: len(block) // 2]),
        ContinuationFrame(stream, block, flags=["END_HEADERS"]),
        DataFrame(stream, message(b"x"), flags=["END_STREAM"]),
        DataFrame(99, b"late"),
        RstStreamFrame(stream, error_code=enemy.chance.randrange(2**32)),
        RstStreamFrame(77),
        PriorityFrame(stream, depends_on=stream, stream_weight=255, exclusive=True),
        PushPromiseFrame(stream, promised_stream_id=4, data=block, flags=["END_HEADERS"]),
        GoAwayFrame(last_stream_id=2**31 - 1, error_code=11, additional_data=b"bye" * 100),
        PingFrame(opaque_data=b"12345678", flags=["ACK"]),
        SettingsFrame(settings={1: 0, 3: 0, 4: 2**31 - 1, 5: 16384, 6: 0, 0x4242: 7}),
        # What hyperframe would not write: wrong streams, lengths and increments.
        b"\x00\x00\x05\x04\x00\x00\x00\x00\x00hello",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x04\xff\xff\xff\xff",
        b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00",
        b"\x00\x00\x04\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00",
        b"\x00\x00\x04\x03\x00\x00\x00\x00\x00\x00\x00\x00\x08",
        b"\x00\x00\x00\x00\x01\x00\x00\x00\x00",
        b"\x00\x00\x01\x06\x00\x00\x00\x00\x00!",
    ]


async def cut_frames(enemy: Enemy) -> None:
    """Frames that promise more than comes, and then nothing more."""
    for _ in range(60):
        wire = await enemy.connect()
        block = wire.encoder.encode(enemy.headers(enemy.some_path()))
        whole = HeadersFrame(1, block, flags=["END_HEADERS"]).serialize()
        whole += DataFrame(1, message(enemy.bytes(3000)), flags=["END_STREAM"]).serialize()
        wire.send(whole[: enemy.chance.randint(1, len(whole) - 1)])
        await wire.flush()
        await asyncio.sleep(0.001)
        await (wire.abort() if enemy.chance.random() < 0.5 else wire.close())


async def window_overflow(enemy: Enemy) -> None:
    """Windows made larger than a window can be, and made negative."""
    for _ in range(30):
        wire = await enemy.connect(settings={4: 2**31 - 1})
        stream = enemy.call(wire, enemy.some_path(), end=enemy.chance.random() < 0.5)
        for at in (0, stream) * 3:
            wire.send(WindowUpdateFrame(at, window_increment=2**31 - 1))
        wire.send(SettingsFrame(settings={4: 0}), SettingsFrame(settings={4: 2**31 - 1}))
        await wire.flush()
        await wire.close()


ATTACKS = (
    raw_garbage,
    other_protocols,
    garbage_frames,
    wrong_order,
    cut_frames,
    window_overflow,
)
