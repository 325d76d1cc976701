"""Model → reader, token by token: what the mesh adds to a bare LangChain stream.

A model that says what time it is answers at 200 tokens a second (bench/token_server.py). It is
read by LangChain's client alone, which is the floor, and through the whole mesh: SendMessage, a
response made in the background, StreamResponse. Each token is timed from its sending on. Readers
are in one process with what counts, so that with 100 of them their own work is in the figures.
"""

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from adjutant.orchestrator.v1 import chat_service_pb2, chat_service_pb2_grpc
from bench import floor_grpc, floor_sqlite, harness
from bench.mesh import PARENT, mesh
from bench.token_server import MODEL, moments

TOKENS: Final = 200
PAUSE_S: Final = 1 / 200
READERS: Final = (1, 100)
BARE: Final = "token, model → bare LangChain stream"
BARE_FIRST: Final = "request → first token, bare LangChain"
RELAYED: Final = "token, model → {} reader{} of a response"
ADDED: Final = "token, added to bare LangChain, {} reader{}"
FIRST: Final = "SendMessage → first token at its reader"
AIMS: Final = {"p50": 2.0}
_MODELS_FILE: Final = """providers:
  - name: bench
    kind: openai
    url: {url}/v1
    tiers: {{16k: {model}}}
"""
# A named agent is asked at once; without one, a model says first what the message needs.
_AGENTS_FILE: Final = f"""agents:
  - name: {MODEL}
    description: Tells the time.
    instructions: Say what time it is.
"""


async def measure(seconds: float) -> list[harness.Figure]:
    """Time tokens through LangChain alone, then through the mesh, to each number of readers."""
    async with token_server() as url:
        bare, bare_first = await _bare(url, seconds)
        figures = [harness.figure(BARE, bare), harness.figure(BARE_FIRST, bare_first)]
        with tempfile.TemporaryDirectory(prefix="adjutant-bench-") as folder:
            models = Path(folder) / "models.yaml"
            models.write_text(_MODELS_FILE.format(url=url, model=MODEL))
            agents = Path(folder) / "agents.yaml"
            agents.write_text(_AGENTS_FILE)
            files = {"ADJUTANT_MODELS_FILE": str(models), "ADJUTANT_AGENTS_FILE": str(agents)}
            async with mesh("orchestrator", **files) as channels:
                chat = chat_service_pb2_grpc.ChatServiceStub(channels["orchestrator"])
                for readers in READERS:
                    figures += await _relayed(chat, readers, seconds, figures[0].p50)
    return figures


async def _bare(url: str, seconds: float) -> tuple[list[float], list[float]]:
    """Return the times of tokens, and of first tokens since their requests, by LangChain alone."""
    from langchain_openai import ChatOpenAI

    client = ChatOpenAI(model=MODEL, base_url=f"{url}/v1", api_key="none", max_retries=0)
    tokens: list[float] = []
    firsts: list[float] = []
    end = harness.now_ms() + seconds * 1000
    while not firsts or harness.now_ms() < end:
        start = harness.now_ms()
        first = 0.0
        async for chunk in client.astream("what time is it?"):
            now = harness.now_ms()
            sent = moments(str(chunk.text))
            first = first or (now if sent else 0.0)
            tokens += [now - moment for moment in sent]
        firsts.append(first - start)
    # The first answer pays for what clients make once.
    return tokens[TOKENS:] or tokens, firsts[1:] or firsts


async def _relayed(
    chat: Any, readers: int, seconds: float, bare_p50: float
) -> list[harness.Figure]:
    made = await chat.CreateSession(chat_service_pb2.CreateSessionRequest(parent=PARENT))
    tokens: list[float] = []
    firsts: list[float] = []
    answers = 0
    end = harness.now_ms() + seconds * 1000
    while answers < 2 or harness.now_ms() < end:
        start = harness.now_ms()
        request = chat_service_pb2.SendMessageRequest(
            parent=made.session.name, text="what time is it?", agent=MODEL
        )
        name = (await chat.SendMessage(request)).response.name
        read = await asyncio.gather(*(_read(chat, name) for _ in range(readers)))
        answers += 1
        if answers > 1:
            tokens += [late for _, lates in read for late in lates]
            firsts.append(min(first for first, _ in read) - start)
    words = (readers, "" if readers == 1 else "s")
    added = [token - bare_p50 for token in tokens]
    aims = AIMS if readers == 1 else {}
    rows = [
        harness.figure(RELAYED.format(*words), tokens, floors=(BARE,)),
        harness.figure(ADDED.format(*words), added, aims=aims),
    ]
    if readers == 1:
        road = (BARE_FIRST, floor_grpc.NAME, floor_sqlite.NAME)
        rows.append(harness.figure(FIRST, firsts, floors=road))
    return rows


async def _read(chat: Any, name: str) -> tuple[float, list[float]]:
    """Read a response to its end; return when its first token came, and each token's time."""
    first = 0.0
    lates: list[float] = []
    async for answer in chat.StreamResponse(chat_service_pb2.StreamResponseRequest(name=name)):
        if not answer.frame.HasField("delta"):
            continue
        now = harness.now_ms()
        first = first or now
        lates += [now - moment for moment in moments(answer.frame.delta.text)]
    if len(lates) != TOKENS:
        raise RuntimeError(f"{name} came with {len(lates)} tokens, not {TOKENS}")
    return first, lates


@contextlib.asynccontextmanager
async def token_server() -> AsyncIterator[str]:
    """Run the model in a process of its own and give its address; it ends with the block."""
    command = ["-m", "bench.token_server", "--tokens", str(TOKENS), "--pause-s", str(PAUSE_S)]
    with subprocess.Popen(  # noqa: ASYNC220 # it takes a millisecond
        [sys.executable, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = await asyncio.to_thread(process.stdout.readline)
        yield f"http://127.0.0.1:{int(port)}"
        assert process.stdin
        process.stdin.close()


if __name__ == "__main__":
    harness.main(measure, __doc__)
