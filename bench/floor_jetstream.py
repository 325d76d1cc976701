"""The floor of every event: publish to JetStream on disk, one consumer reads it."""

import asyncio
import contextlib
import pathlib
import tempfile
from collections.abc import AsyncIterator

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from bench import harness
from services.mesh.embedded import EmbeddedNats
from services.ports import free_port_base

PUBLISH = "JetStream publish, acknowledged"
CONSUME = "JetStream publish → consume"
SUBJECT = "bench.event"
PAYLOAD = bytes(300)
IN_FLIGHT = 32


@contextlib.asynccontextmanager
async def jetstream() -> AsyncIterator[JetStreamContext]:
    """Start a nats-server of our own with a stream on disk; it ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        server = await EmbeddedNats.start(pathlib.Path(folder), free_port_base())
        connection = await nats.connect(server.url)
        js = connection.jetstream()
        await js.add_stream(name="bench", subjects=["bench.>"])
        try:
            yield js
        finally:
            await connection.close()
            await server.stop()


async def measure(seconds: float) -> list[harness.Figure]:
    """Time the acknowledgement and the arrival of the same messages."""
    arrived: asyncio.Queue[float] = asyncio.Queue()
    consumed = []

    async def on_message(message: Msg) -> None:
        arrived.put_nowait(harness.now_ms())

    async with jetstream() as js:

        async def publish() -> None:
            await js.publish(SUBJECT, PAYLOAD)

        async def publish_and_consume() -> None:
            sent = harness.now_ms()
            await publish()
            consumed.append(await arrived.get() - sent)

        published = await harness.repeat(publish, seconds / 2)
        per_second = await harness.rate(publish, seconds / 2, IN_FLIGHT)
        await js.purge_stream("bench")
        await js.subscribe(SUBJECT, cb=on_message, ordered_consumer=True)
        await harness.repeat(publish_and_consume, seconds / 2)
    return [
        harness.figure(PUBLISH, published, per_second=per_second),
        harness.figure(CONSUME, consumed[harness.WARM_UP_CALLS :]),
    ]


if __name__ == "__main__":
    harness.main(measure, __doc__)
