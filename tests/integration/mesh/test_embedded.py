"""The embedded event log against the real nats-server."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import sys
import time

import nats
import pytest

from services.mesh.config import MeshSettings
from services.mesh.embedded import (
    MAX_PAYLOAD_BYTES,
    EmbeddedNats,
    EmbeddedNatsError,
    free_port,
    running_nats,
)
from services.mesh.events import EventLog
from services.ports import free_port_base


async def _publish(url: str, payload: bytes) -> None:
    client = await nats.connect(url)
    try:
        log = client.jetstream()
        await log.add_stream(name="LOG", subjects=["log.>"])
        await log.publish("log.entry", payload)
    finally:
        await client.close()


async def _first(url: str) -> bytes:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().get_msg("LOG", 1)).data or b""
    finally:
        await client.close()


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while _alive(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    return not _alive(pid)


async def test_it_takes_connections_at_once_and_large_messages(tmp_path: pathlib.Path) -> None:
    server = await EmbeddedNats.start(tmp_path, free_port())
    try:
        client = await nats.connect(server.url, allow_reconnect=False)
        assert client.max_payload == MAX_PAYLOAD_BYTES
        await client.close()
    finally:
        await server.stop()


async def test_streams_survive_a_stop(tmp_path: pathlib.Path) -> None:
    port = free_port()
    server = await EmbeddedNats.start(tmp_path, port)
    await _publish(server.url, b"kept")
    await server.stop()
    server = await EmbeddedNats.start(tmp_path, port)
    try:
        assert await _first(server.url) == b"kept"
    finally:
        await server.stop()


async def test_streams_survive_a_kill_and_wait_tells_of_it(tmp_path: pathlib.Path) -> None:
    server = await EmbeddedNats.start(tmp_path, free_port())
    await _publish(server.url, b"kept")
    os.kill(server.pid, signal.SIGKILL)
    assert await server.wait() == -signal.SIGKILL
    server = await EmbeddedNats.start(tmp_path, server.port)
    try:
        assert await _first(server.url) == b"kept"
    finally:
        await server.stop()


async def test_it_serves_those_who_show_its_token(tmp_path: pathlib.Path) -> None:
    server = await EmbeddedNats.start(tmp_path, free_port())
    token = (tmp_path / "secrets" / "nats.token").read_text().strip()
    try:
        for wrong in ("", "another", token[:-1], token + "x"):
            assert b"Authorization Violation" in await _answer_to(server.port, wrong)
        assert await _answer_to(server.port, token) == b"PONG\r\n"
        config = tmp_path / "nats" / "nats.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
    finally:
        await server.stop()


async def test_a_token_that_would_change_the_configuration_is_refused(
    tmp_path: pathlib.Path,
) -> None:
    for token in ('a" }', "a$b", "a b", "a@b", "é"):
        with pytest.raises(EmbeddedNatsError, match="made anew"):
            await EmbeddedNats.start(tmp_path, free_port(), token)


async def test_services_find_the_token_by_themselves(tmp_path: pathlib.Path) -> None:
    base = free_port_base()
    server = await EmbeddedNats.start(tmp_path, base)
    try:
        log = await EventLog.connect(MeshSettings(data_dir=tmp_path, port_base=base))
        assert (await log.state()).last_sequence == 0
        await log.close()
    finally:
        await server.stop()


async def _answer_to(port: int, token: str) -> bytes:
    """Return what the server answers to a client that shows a token."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await reader.readline()
        options = json.dumps({"verbose": False, "auth_token": token})
        writer.write(f"CONNECT {options}\r\nPING\r\n".encode())
        async with asyncio.timeout(10):
            return await reader.readline()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_it_listens_on_this_machine_only(tmp_path: pathlib.Path) -> None:
    server = await EmbeddedNats.start(tmp_path, free_port())
    try:
        config = (tmp_path / "nats" / "nats.conf").read_text()
        assert f'listen: "127.0.0.1:{server.port}"' in config
        assert "http" not in config
    finally:
        await server.stop()


async def test_a_taken_port_is_a_plain_error(tmp_path: pathlib.Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(EmbeddedNatsError, match=f"port {port} .* is taken"):
            await EmbeddedNats.start(tmp_path, port)


async def test_it_takes_over_from_a_server_left_behind(tmp_path: pathlib.Path) -> None:
    left_behind = await EmbeddedNats.start(tmp_path, free_port())
    server = await EmbeddedNats.start(tmp_path, left_behind.port)
    try:
        assert await left_behind.wait() == 0
        assert server.pid != left_behind.pid
    finally:
        await server.stop()


async def test_a_stale_pid_file_ends_no_stranger(tmp_path: pathlib.Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (tmp_path / "nats").mkdir()
        (tmp_path / "nats" / "nats.pid").write_text(str(stranger.pid))
        server = await EmbeddedNats.start(tmp_path, free_port())
        await server.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_it_ends_with_its_owner(tmp_path: pathlib.Path) -> None:
    program = (
        "import asyncio, pathlib, time\n"
        "from services.mesh.embedded import EmbeddedNats, free_port\n"
        f"start = EmbeddedNats.start(pathlib.Path({str(tmp_path)!r}), free_port())\n"
        "print(asyncio.run(start).pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert _alive(pid)
        owner.kill()
    assert await _gone(pid)


def test_a_block_without_an_event_loop_can_run_one(tmp_path: pathlib.Path) -> None:
    with running_nats(tmp_path) as server:
        asyncio.run(_publish(server.url, b"x"))
    assert not _alive(server.pid)
