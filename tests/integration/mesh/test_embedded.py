"""The embedded event log against the real nats-server."""

import asyncio
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import nats
import pytest

from services.mesh.embedded import (
    MAX_PAYLOAD_BYTES,
    EmbeddedNats,
    EmbeddedNatsError,
    free_port,
    running_nats,
)


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
