"""A double: stands in for Ollama, OpenAI and Anthropic, none of which can run here.

It speaks their streaming wire formats over real HTTP on loopback, answers what a test lays
down, fails in the ways that servers do, and keeps what it was asked.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]
_STATUS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_MODEL: Final = "as-served"


@dataclass
class Answer:
    """What the server does with one request."""

    pieces: tuple[str, ...] = ()
    tool_calls: tuple[tuple[str, Json], ...] = ()
    """Name and arguments of each."""
    thoughts: tuple[str, ...] = ()
    """What comes before the first piece, and is none."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: str = "the double was told to fail"
    error_code: str = ""
    stall_after: int | None = None
    """Pieces after which nothing more comes, on a connection that stays open. All calls of tools
    count as one more piece."""
    cut_after: int | None = None
    """Pieces after which the connection is cut."""
    delay_s: float = 0.0
    """Before each piece."""
    input_tokens: int = 11
    cached_tokens: int = 3
    output_tokens: int = 7
    stop: str = "stop"
    """`stop` or `length`, as OpenAI says it."""


class ModelServer:
    """The double, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answers: deque[Answer] = deque()
        """What the next requests get, in order; the last one again and again."""
        self.requests: list[tuple[str, dict[str, str], Json]] = []
        """Path, headers and body of each."""
        self.left = asyncio.Event()
        """Set when a client has closed its connection before the answer's end."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def says(self, *answers: Answer) -> None:
        self.answers = deque(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            path, headers, body = await _read(reader)
            self.requests.append((path, headers, body))
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.popleft()
            await self._answer(path, answer, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left.set()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(
        self,
        path: str,
        answer: Answer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        speaks = {"/v1/chat/completions": _openai, "/api/chat": _ollama, "/v1/messages": _anthropic}
        if answer.status != 200:
            await _refuse(path, answer, writer)
            return
        kind = "application/x-ndjson" if path == "/api/chat" else "text/event-stream"
        _head(writer, 200, {"content-type": kind, "transfer-encoding": "chunked"})
        for count, line in speaks[path](answer):
            if answer.stall_after is not None and count > answer.stall_after:
                # Nothing more is to be read from a client: what ends the read is that it left.
                await reader.read(1)
                self.left.set()
                return
            if answer.cut_after is not None and count > answer.cut_after:
                writer.transport.abort()
                return
            if answer.delay_s:
                await asyncio.sleep(answer.delay_s)
            _chunk(writer, line)
            await writer.drain()
        _chunk(writer, b"")
        await writer.drain()


@contextlib.asynccontextmanager
async def running_model_server() -> AsyncIterator[ModelServer]:
    """Run the double on a free port of loopback."""
    double = ModelServer(0)
    server = await asyncio.start_server(double.serve, "127.0.0.1", 0)
    double.port = server.sockets[0].getsockname()[1]
    async with server:
        yield double


async def _read(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], Json]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    path = head[0].split(" ")[1].partition("?")[0]
    pairs = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return path, headers, json.loads(body)


def _head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} {_STATUS.get(status, 'Status')}", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())


def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def _refuse(path: str, answer: Answer, writer: asyncio.StreamWriter) -> None:
    said: Any = {"message": answer.error, "type": "error", "code": answer.error_code}
    body = json.dumps({"error": answer.error if path == "/api/chat" else said}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body))}
    _head(writer, answer.status, {**headers, **answer.headers})
    writer.write(body)
    await writer.drain()


Lines = Iterator[tuple[int, bytes]]
"""How many pieces have come with a line, itself included, and the line."""


def _sse(data: Json, event: str = "") -> bytes:
    name = f"event: {event}\n" if event else ""
    return f"{name}data: {json.dumps(data)}\n\n".encode()


def _openai(answer: Answer) -> Lines:
    def chunk(delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return _sse({**base, "choices": [choice]})

    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": _MODEL}
    count = len(answer.pieces)
    yield 0, chunk({"role": "assistant", "content": ""})
    for thought in answer.thoughts:  # as servers say it that speak like OpenAI
        yield 0, chunk({"reasoning_content": thought})
    for number, piece in enumerate(answer.pieces, 1):
        yield number, chunk({"content": piece})
    for index, (name, arguments) in enumerate(answer.tool_calls):
        text = json.dumps(arguments)
        function = {"name": name, "arguments": ""}
        call = {"index": index, "id": f"o{index}", "type": "function", "function": function}
        yield count + 1, chunk({"tool_calls": [call]})
        for part in (text[:5], text[5:]):
            piece_of = {"index": index, "function": {"arguments": part}}
            yield count + 1, chunk({"tool_calls": [piece_of]})
    yield count + 2, chunk({}, "tool_calls" if answer.tool_calls else answer.stop)
    usage = {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
    }
    yield count + 2, _sse({**base, "choices": [], "usage": usage})
    yield count + 2, b"data: [DONE]\n\n"


def _ollama(answer: Answer) -> Lines:
    def line(message: Json, **more: Any) -> bytes:
        said = {"model": _MODEL, "created_at": "2026-01-01T00:00:00Z", "done": False, **more}
        return json.dumps({**said, "message": {"role": "assistant", **message}}).encode() + b"\n"

    count = len(answer.pieces)
    for thought in answer.thoughts:
        yield 0, line({"content": "", "thinking": thought})
    for number, piece in enumerate(answer.pieces, 1):
        yield number, line({"content": piece})
    calls = [{"function": {"name": name, "arguments": a}} for name, a in answer.tool_calls]
    if calls:
        yield count + 1, line({"content": "", "tool_calls": calls})
    counts = {"prompt_eval_count": answer.input_tokens, "eval_count": answer.output_tokens}
    yield count + 2, line({"content": ""}, done=True, done_reason=answer.stop, **counts)


def _anthropic(answer: Answer) -> Lines:
    def event(kind: str, **data: Any) -> bytes:
        return _sse({"type": kind, **data}, kind)

    count = len(answer.pieces)
    used = {"input_tokens": answer.input_tokens - answer.cached_tokens}
    cache = {"cache_read_input_tokens": answer.cached_tokens, "cache_creation_input_tokens": 0}
    message = {"id": "m1", "type": "message", "role": "assistant", "model": _MODEL, "content": []}
    start = {**message, "usage": {**used, **cache, "output_tokens": 1}}
    yield 0, event("message_start", message=start)
    if answer.thoughts:
        first = {"type": "thinking", "thinking": "", "signature": ""}
        yield 0, event("content_block_start", index=0, content_block=first)
    for thought in answer.thoughts:
        delta: Json = {"type": "thinking_delta", "thinking": thought}
        yield 0, event("content_block_delta", index=0, delta=delta)
    text_at = 1 if answer.thoughts else 0
    empty = {"type": "text", "text": ""}
    yield 0, event("content_block_start", index=text_at, content_block=empty)
    for number, piece in enumerate(answer.pieces, 1):
        delta = {"type": "text_delta", "text": piece}
        yield number, event("content_block_delta", index=text_at, delta=delta)
    yield count, event("content_block_stop", index=text_at)
    for index, (name, arguments) in enumerate(answer.tool_calls, text_at + 1):
        block = {"type": "tool_use", "id": f"t{index}", "name": name, "input": {}}
        yield count + 1, event("content_block_start", index=index, content_block=block)
        text = json.dumps(arguments)
        for part in (text[:5], text[5:]):
            delta = {"type": "input_json_delta", "partial_json": part}
            yield count + 1, event("content_block_delta", index=index, delta=delta)
        yield count + 1, event("content_block_stop", index=index)
    reason = (
        "tool_use" if answer.tool_calls else {"stop": "end_turn"}.get(answer.stop, "max_tokens")
    )
    usage = {**used, **cache, "output_tokens": answer.output_tokens}
    said = {"stop_reason": reason, "stop_sequence": None}
    yield count + 2, event("message_delta", delta=said, usage=usage)
    yield count + 2, event("message_stop")
