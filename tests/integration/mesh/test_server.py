"""What a connection may ask of a server, and how many of them there may be."""

from pathlib import Path

import grpc
import pytest

from services.mesh import server
from services.mesh.embedded import EmbeddedNats
from tests.hostile.wire import Wire
from tests.integration.mesh.serving import GET, Served, refused, serving


def _with(monkeypatch: pytest.MonkeyPatch, option: str, value: int) -> None:
    """Have servers started with another value of an option."""
    others = tuple((name, its) for name, its in server._LIMITS if name != option)
    monkeypatch.setattr(server, "_LIMITS", (*others, (option, value)))


async def _dial(served: Served) -> Wire:
    return await Wire.open(int(served.address.rpartition(":")[2]))


async def test_connections_that_are_too_many_are_hung_up_on_and_the_others_stay(
    tmp_path: Path, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_most_connections", lambda: 5)
    async with serving(tmp_path, nats.url) as served:
        await served.stub.GetTask(GET)
        wires = [await _dial(served) for _ in range(4)]
        for wire in wires:
            wire.greet({})
        late = await _dial(served)
        assert await late.is_hung_up(5)
        await served.stub.GetTask(GET)
        assert not await wires[0].is_hung_up(0.1)
        for wire in [*wires, late]:
            await wire.close()


async def test_who_does_not_greet_is_hung_up_on(
    tmp_path: Path, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with(monkeypatch, "grpc.server_handshake_timeout_ms", 200)
    async with serving(tmp_path, nats.url) as served:
        mute, polite = await _dial(served), await _dial(served)
        polite.greet({})
        assert await mute.is_hung_up(5)
        assert not await polite.is_hung_up(0.5)
        await mute.close()
        await polite.close()


async def test_a_connection_on_which_nothing_is_called_is_closed(
    tmp_path: Path, nats: EmbeddedNats, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with(monkeypatch, "grpc.max_connection_idle_ms", 200)
    async with serving(tmp_path, nats.url) as served:
        idle = await _dial(served)
        idle.greet({})
        assert await idle.is_hung_up(10)
        await served.stub.GetTask(GET)  # a client connects again by itself
        await idle.close()


async def test_headers_as_long_as_a_token_may_be_never_fail_by_chance(
    tmp_path: Path, nats: EmbeddedNats
) -> None:
    async with serving(tmp_path, nats.url) as served:
        long = (("x-long", "a" * 12_000),)
        for _ in range(30):
            await served.stub.GetTask(GET, metadata=long)
        error = await refused(served.stub.GetTask(GET, metadata=(("x-long", "a" * 30_000),)))
    assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_compressed_requests_are_refused(tmp_path: Path, nats: EmbeddedNats) -> None:
    async with serving(tmp_path, nats.url) as served:
        call = served.stub.GetTask(GET, compression=grpc.Compression.Gzip)
        assert (await refused(call)).code() == grpc.StatusCode.UNIMPLEMENTED
