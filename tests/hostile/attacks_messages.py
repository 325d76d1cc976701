"""Messages that are none, or too much of one, and calls of what there is not."""

import asyncio
import functools
import gzip
import struct
from collections.abc import Iterator
from typing import Any, Final

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from hyperframe.frame import DataFrame, HeadersFrame

from tests.hostile.enemy import Enemy, Method
from tests.hostile.wire import Wire, message
from tests.support.identities import bearer

_TIMEOUT_S: Final = 5.0
# What a method may answer to whatever it was sent; the rest says that something broke.
_BROKEN: Final = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS)
_NO_UTF8: Final = (b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"clients/\x80/projects/\xf8")


async def random_messages(enemy: Enemy) -> None:
    """Random bytes as the message of every method."""
    contents = [(m, enemy.bytes(400)) for m in enemy.target.methods for _ in range(8)]
    await _send_all(enemy, contents)


async def invalid_utf8(enemy: Enemy) -> None:
    """Every string field of every method holds what is no text."""
    contents = []
    for method in enemy.target.methods:
        for path in _string_fields(_input_of(method)):
            contents.append((method, _nested(path, enemy.chance.choice(_NO_UTF8))))
    await _send_all(enemy, contents)


async def deep_nesting(enemy: Enemy) -> None:
    """Groups in groups, messages in messages, as deep as a message may be long."""
    group = b"\x0b" * 100_000
    fields = [bytes((number << 3 | 2,)) for number in range(1, 8)]
    contents = []
    for method in enemy.target.methods:
        contents += [(method, group), (method, b"\xfb\x07" * 50_000 + b"\xfc\x07" * 50_000)]
        inner = b""
        for _ in range(200):
            inner = enemy.chance.choice(fields) + _varint(len(inner)) + inner
        contents.append((method, inner))
    await _send_all(enemy, contents)


async def repeated_fields(enemy: Enemy) -> None:
    """A million tiny elements in one message of two megabytes."""
    contents = []
    for method in enemy.chance.sample(enemy.target.methods, min(4, len(enemy.target.methods))):
        number = enemy.chance.randint(1, 12)
        contents.append((method, bytes((number << 3 | 2, 0)) * 1_000_000))
        contents.append((method, bytes((number << 3, 0)) * 1_000_000))
    await _send_all(enemy, contents)


async def truncated_messages(enemy: Enemy) -> None:
    """Prefixes that promise more bytes, fewer bytes, or 2 GiB."""
    for length in (0, 1, 50, 4096, 4 * 2**20 + 1, 2**31, 2**32 - 1):
        for end in (True, False):
            wire = await enemy.connect()
            stream = _begin(enemy, wire)
            data = message(enemy.bytes(1000), length=length)
            wire.send(DataFrame(stream, data, flags=["END_STREAM"] if end else []))
            await wire.flush()
            await asyncio.sleep(0.01)
            await (wire.close() if end else wire.abort())


async def cut_prefixes(enemy: Enemy) -> None:
    """Streams that end within the five bytes before a message, or have two messages."""
    for size in range(6):
        wire = await enemy.connect()
        for content in (message(b"hello")[:size], message(b"") * 3, b"\x02\x00\x00\x00\x00"):
            wire.send(DataFrame(_begin(enemy, wire), content, flags=["END_STREAM"]))
        await wire.flush()
        await asyncio.sleep(0.01)
        await wire.close()


async def oversized_messages(enemy: Enemy) -> None:
    """Messages that are larger than is allowed, and really sent."""
    await _send_all(enemy, [(m, bytes(5 * 2**20)) for m in enemy.target.methods[:6]], at_a_time=3)


async def compressed_bomb(enemy: Enemy) -> None:
    """A quarter of a gigabyte of zeros in a quarter of a megabyte, said to be compressed."""
    bomb = _bomb()
    for encoding in ("gzip", "deflate", "identity", "snappy"):
        for content in (bomb, bomb[: len(bomb) // 2], enemy.bytes(1000)):
            wire = await enemy.connect()
            stream = _begin(enemy, wire, ("grpc-encoding", encoding))
            data = message(content, compressed=True)
            for at in range(0, len(data), 16384):
                last = at + 16384 >= len(data)
                flags = ["END_STREAM"] if last else []
                wire.send(DataFrame(stream, data[at : at + 16384], flags=flags))
            await wire.flush()
            await asyncio.sleep(0.02)
            await wire.close()


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(bytes(2**28), 6)


async def unknown_methods(enemy: Enemy) -> None:
    """Methods and services that there are not, and paths that are none."""
    known = enemy.some_path()
    paths = [
        known + "X",
        known.lower(),
        known + "/../x",
        known.removeprefix("/"),
        "/",
        "//",
        "/a.b.C/D",
        "/" + "a" * 8000 + "/x",
        "/grpc.health.v1.Health/Nothing",
        "/%2e%2e/%00",
        "*",
    ]
    wire = await enemy.connect()
    for path in paths * 10:
        enemy.call(wire, path, enemy.bytes(100))
    await wire.flush()
    await asyncio.sleep(0.1)
    await wire.close()


async def wrong_headers(enemy: Enemy) -> None:
    """Content types, methods, schemes, timeouts and binary headers that are none."""
    right = dict(enemy.headers(enemy.some_path()))
    wrong = [
        {"content-type": value} for value in ("text/html", "application/grpc+json", "", "x" * 3000)
    ]
    wrong += [{":method": value} for value in ("GET", "PUT", "CONNECT", "x" * 100)]
    wrong += [{":scheme": "gopher"}, {":authority": ""}, {"te": "chunked"}, {"host": "a\x00b"}]
    wrong += [{"grpc-timeout": v} for v in ("0n", "-1S", "99999999999H", "1", "S", "1S1S", "1x")]
    wrong += [{"x-data-bin": v} for v in ("!!!", "A", "====", "AAAA" * 1000)]
    wrong += [{"traceparent": v} for v in ("00-0-0-00", "ff" * 500, "00-" + "0" * 32 + "-x-01")]
    wrong += [{"Upper-Case": "x"}, {"": "x"}, {":unknown": "x"}, {"connection": "close"}]
    wrong += [{"grpc-encoding": "br"}, {"grpc-accept-encoding": "x," * 1000}]
    wrong += [{"adjutant-on-behalf-of": "users/owner"}, {"adjutant-platform": "\x7f" * 50}]
    for change in wrong:
        wire = await enemy.connect()
        block = wire.encoder.encode(list({**right, **change}.items()))
        enemy.tally.streams += 1
        wire.send(HeadersFrame(1, block, flags=["END_HEADERS"]))
        wire.send(DataFrame(1, message(b""), flags=["END_STREAM"]))
        await wire.flush()
        await wire.close()


async def made_up_credentials(enemy: Enemy) -> None:
    """Tokens that somebody made up: JWT-like, key-like, huge, and no text."""
    chance = enemy.chance
    header, issuer, deep = "eyJhbGciOiJub25lIn0", "eyJpc3MiOiJhZGp1dGFudCJ9", "W1tbW1s" * 300
    parts = ["e30", "bnVsbA", "W10", header, issuer, deep]
    tokens = [".".join(chance.choice(parts) for _ in range(3)) for _ in range(60)]
    tokens += [f"adj_{chance.randbytes(8).hex()}_{'A' * 43}" for _ in range(60)]
    tokens += [" ", "a" * 7000, "." * 2000, "adj_", "adjo_" + "x" * 43, "~" * 43]
    calls = [(chance.choice(enemy.target.methods), b"") for _ in tokens]
    await _send_all(enemy, calls, tokens=tokens)


def _begin(enemy: Enemy, wire: Wire, *further: tuple[str, str]) -> int:
    """Open a stream without a message."""
    enemy.tally.streams += 1
    enemy.tally.requests += 1
    stream = wire.next_stream()
    block = wire.encoder.encode(enemy.headers(enemy.some_path(), *further))
    wire.send(HeadersFrame(stream, block, flags=["END_HEADERS"]))
    return stream


async def _send_all(
    enemy: Enemy,
    contents: list[tuple[Method, bytes]],
    *,
    at_a_time: int = 32,
    tokens: list[str] | None = None,
) -> None:
    """Send messages as a client does, and complain of answers that say that something broke."""
    places = asyncio.Semaphore(at_a_time)
    enemy.tally.connections += 1
    async with grpc.aio.insecure_channel(enemy.target.authority) as channel:

        async def one(method: Method, content: bytes, token: str) -> None:
            async with places:
                code = await _send(channel, method, content, token)
                enemy.tally.streams += 1
                enemy.tally.requests += 1
                if code in _BROKEN:
                    head = content[:20].hex()
                    enemy.tally.complaints.append(f"{method.path} answers {code} to {head}…")

        shown = tokens or [enemy.target.token] * len(contents)
        calls = zip(contents, shown, strict=True)
        await asyncio.gather(*(one(method, content, token) for (method, content), token in calls))


async def _send(
    channel: grpc.aio.Channel, method: Method, content: bytes, token: str
) -> grpc.StatusCode:
    """Send a message; a stream that goes on is left after its first response."""
    kind: Any = channel.unary_stream if method.streams else channel.unary_unary
    metadata = bearer(token) if token else ()
    call = kind(method.path)(content, timeout=_TIMEOUT_S, metadata=metadata)
    try:
        await (call.read() if method.streams else call)
    except grpc.aio.AioRpcError as error:
        return error.code()
    finally:
        call.cancel()
    return grpc.StatusCode.OK


def _input_of(method: Method) -> Any:
    service, _, name = method.path.strip("/").partition("/")
    pool = descriptor_pool.Default()
    return pool.FindServiceByName(service).methods_by_name[name].input_type


def _string_fields(kind: Any, above: tuple[int, ...] = ()) -> Iterator[tuple[int, ...]]:
    """Yield the field numbers that lead to each string of a message."""
    for field in kind.fields if len(above) < 4 else ():
        path = (*above, field.number)
        if field.type == FieldDescriptor.TYPE_STRING:
            yield path
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            yield from _string_fields(field.message_type, path)


def _nested(path: tuple[int, ...], content: bytes) -> bytes:
    for number in reversed(path):
        content = _varint(number << 3 | 2) + _varint(len(content)) + content
    return content


def _varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + struct.pack("B", value & 127 | 128), value >> 7
    return out + struct.pack("B", value)


ATTACKS = (
    random_messages,
    invalid_utf8,
    deep_nesting,
    repeated_fields,
    truncated_messages,
    cut_prefixes,
    oversized_messages,
    compressed_bomb,
    unknown_methods,
    wrong_headers,
    made_up_credentials,
)
