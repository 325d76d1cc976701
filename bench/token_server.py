"""A model for benchmarks: says at a steady pace what time it is, in OpenAI's wire format.

Each token is the moment at which it was sent, so that whoever reads it knows how long it took.
It stands in for a provider, none of which can run here; what is timed is what lies behind it.
"""

import argparse
import asyncio
import json
import sys
from typing import Any

from bench import harness

MODEL = "clock"


def moments(text: str) -> list[float]:
    """Return the moments in a text of tokens, in the milliseconds of `harness.now_ms`."""
    return [float(token) for token in text.split()]


async def answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tokens: int, pause_s: float
) -> None:
    """Answer one request with a stream of tokens."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(int(length.partition(":")[2]))
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    for _ in range(tokens):
        writer.write(_event({"delta": {"content": f"{harness.now_ms():.3f} "}}))
        await writer.drain()
        await asyncio.sleep(pause_s)
    writer.write(_event({"delta": {}, "finish_reason": "stop"}))
    usage = {"prompt_tokens": 10, "completion_tokens": tokens, "total_tokens": tokens + 10}
    writer.write(_event(None, usage=usage) + b"data: [DONE]\n\n")
    await writer.drain()
    writer.close()


def _event(choice: dict[str, Any] | None, **more: Any) -> bytes:
    choices = [{"index": 0, "finish_reason": None, **choice}] if choice else []
    body = {"id": "b", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
    return f"data: {json.dumps({**body, 'choices': choices, **more})}\n\n".encode()


async def serve(tokens: int, pause_s: float) -> None:
    """Serve on a free port, say which, and go on until standard input ends."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer, tokens, pause_s)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    async with server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokens", type=int, required=True, help="of each answer")
    parser.add_argument("--pause-s", type=float, required=True, help="after each token")
    options = parser.parse_args()
    asyncio.run(serve(options.tokens, options.pause_s))
