"""A connection on which anything can be written, whether HTTP/2 allows it or not."""

import asyncio
import contextlib
import socket
import struct
from typing import Self

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, RstStreamFrame, SettingsFrame

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
PATIENCE_S = 5.0
_MAX_FRAME_BYTES = 16384


class Wire:
    """One TCP connection to the target. What is sent when it has hung up is sent in vain."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._next_stream = 1
        self._reading: asyncio.Task[bytes] | None = None
        self.encoder = Encoder()

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect; waits while the target's queue of connections is full."""
        async with asyncio.timeout(PATIENCE_S * 2):
            return cls(*await asyncio.open_connection("127.0.0.1", port))

    def greet(self, settings: dict[int, int]) -> None:
        """Send the preface of HTTP/2 and settings."""
        self.send(PREFACE, SettingsFrame(settings=settings), SettingsFrame(flags=["ACK"]))

    def send(self, *parts: bytes | Frame) -> None:
        """Write bytes and frames, in one piece."""
        content = b"".join(p if isinstance(p, bytes) else p.serialize() for p in parts)
        if not self._writer.is_closing():
            self._writer.write(content)

    async def flush(self) -> None:
        """Wait until what was sent is on its way, for a while."""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._writer.drain()

    def next_stream(self) -> int:
        """Return the number of the next stream."""
        number, self._next_stream = self._next_stream, self._next_stream + 2
        return number

    def call(
        self, headers: list[tuple[str, str]], content: bytes = b"", *, end: bool = True
    ) -> int:
        """Open a stream and send a message on it; return its number."""
        stream = self.next_stream()
        block = self.encoder.encode(headers)
        data = message(content)
        first, rest = data[:_MAX_FRAME_BYTES], data[_MAX_FRAME_BYTES:]
        self.send(HeadersFrame(stream, block, flags=["END_HEADERS"]))
        while rest:
            self.send(DataFrame(stream, first))
            first, rest = rest[:_MAX_FRAME_BYTES], rest[_MAX_FRAME_BYTES:]
        self.send(DataFrame(stream, first, flags=["END_STREAM"] if end else []))
        return stream

    def reset(self, stream: int) -> None:
        """Give up a stream."""
        self.send(RstStreamFrame(stream, error_code=8))

    def read_on(self) -> None:
        """Read and forget whatever comes, until the end."""
        self._reading = asyncio.create_task(self._read())

    async def answer(self, timeout_s: float = PATIENCE_S) -> bytes:
        """Return what comes until the target hangs up or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                return await (self._reading or self._read())
        return b""

    async def is_hung_up(self, timeout_s: float) -> bool:
        """Tell whether the target hangs up within a time."""
        if self._reading is None:
            self.read_on()
        assert self._reading is not None
        done, _ = await asyncio.wait([self._reading], timeout=timeout_s)
        return bool(done)

    async def close(self) -> None:
        """Hang up as one does."""
        await self._end()
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                await self._writer.wait_closed()

    async def abort(self) -> None:
        """Hang up with a reset: nothing is sent to its end, nobody is told."""
        await self._end()
        own: socket.socket = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _end(self) -> None:
        if self._reading:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> bytes:
        """Read to the end; return the last piece that came."""
        last = b""
        with contextlib.suppress(OSError):
            while piece := await self._reader.read(65536):
                last = piece
        return last


def message(content: bytes, *, length: int | None = None, compressed: bool = False) -> bytes:
    """Return a gRPC message; `length` is what its prefix says where that is a lie."""
    return struct.pack(">BI", compressed, len(content) if length is None else length) + content
