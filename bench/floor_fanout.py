"""The floor of the fan-out: the plainest road from a commit to many gRPC streams.

SQLite commit → JetStream publish → one ordered consumer → a queue for each
stream. No filter, cursor, replay or bound. Server and clients are processes of
their own, as they are in a mesh.
"""

import asyncio
import pathlib
import sys
import tempfile
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable

import grpc.aio
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2, frame_pb2, task_events_pb2
from adjutant.notification.v1 import subscription_service_pb2
from bench import floor_sqlite, harness
from bench.floor_grpc import server_process
from bench.floor_jetstream import SUBJECT, jetstream

NAME = "commit → publish → queue → stream, {} subscriber{}"
METHOD = "/bench.Floor/Subscribe"
SUBSCRIBERS = (1, 100, 1000)
Responses = AsyncIterable[subscription_service_pb2.SubscribeResponse]


def name(subscribers: int) -> str:
    """Return the figure's name for so many subscribers."""
    return NAME.format(subscribers, "s" if subscribers > 1 else "")


def event_interval_s(subscribers: int) -> float:
    """Return the pace of events: 50 a second, and less where many must hear of each."""
    return max(0.02, subscribers * 0.0002)


class Floor:
    """The server: makes events and gives each of them to every stream."""

    def __init__(self, js: JetStreamContext, database_path: pathlib.Path) -> None:
        self._js = js
        self._database = floor_sqlite.connect(database_path)
        self._queues: set[asyncio.Queue[bytes]] = set()

    async def subscribe(self, request: bytes, context: object) -> AsyncIterator[bytes]:
        """Stream what happens from now on."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._queues.discard(queue)

    async def on_message(self, message: Msg) -> None:
        """Give an event to every stream."""
        frame = frame_pb2.EventFrame(cursor=str(message.metadata.sequence.stream))
        frame.event.ParseFromString(message.data)
        response = subscription_service_pb2.SubscribeResponse(frame=frame).SerializeToString()
        for queue in self._queues:
            queue.put_nowait(response)

    async def make_events(self) -> None:
        """Commit and publish one event after the other."""
        number = 0
        while True:
            event = an_event()
            floor_sqlite.insert(self._database, number)
            await self._js.publish(SUBJECT, event.SerializeToString())
            number += 1
            await asyncio.sleep(event_interval_s(len(self._queues)))


def an_event() -> event_pb2.Event:
    """Make an event as the orchestrator does, with the time now."""
    event = event_pb2.Event(
        event_id="0198f2a0-0000-7000-8000-000000000000",
        kind=event_pb2.EVENT_KIND_TASK_PROGRESS,
        resource="clients/default/projects/default/tasks/0198f2a0-0000-7000-8000-000000000000",
        task_progress=task_events_pb2.TaskProgress(
            progress=task_pb2.Progress(node=task_pb2.GRAPH_NODE_EXECUTE, message="2 of 3 steps")
        ),
    )
    event.time.FromNanoseconds(time.time_ns())
    return event


async def serve() -> None:
    """Serve on a free port, say which, and go on until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        async with jetstream() as js:
            floor = Floor(js, pathlib.Path(folder, "floor.db"))
            await js.subscribe(SUBJECT, cb=floor.on_message, ordered_consumer=True)
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            service, method = METHOD[1:].split("/")
            handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_stream_rpc_method_handler(
                floor.subscribe
            )
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, {method: handler}),)
            )
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            events = asyncio.create_task(floor.make_events())
            print(port, flush=True)
            await asyncio.to_thread(sys.stdin.read)
            events.cancel()
            await server.stop(0)


async def arrivals(
    open_stream: Callable[[], Responses], subscribers: int, seconds: float
) -> list[float]:
    """Return how old each event was when each of the subscribers had it, in milliseconds.

    Counting starts when every subscriber has had an event.
    """
    samples: list[float] = []
    waiting = subscribers
    ready = asyncio.Event()

    async def read() -> None:
        nonlocal waiting
        first = True
        async for response in open_stream():
            if response.frame.WhichOneof("frame") != "event":
                continue
            if ready.is_set():
                made_ns = response.frame.event.time.ToNanoseconds()
                samples.append((time.time_ns() - made_ns) / 1e6)
            elif first:
                first = False
                waiting -= 1
                if not waiting:
                    ready.set()

    readers = [asyncio.create_task(read()) for _ in range(subscribers)]
    async with asyncio.timeout(30 + seconds):
        await ready.wait()
        await asyncio.sleep(seconds)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return samples


async def measure(seconds: float) -> list[harness.Figure]:
    """Time events from just before their commit to each subscriber."""
    figures = []
    async with (
        server_process("bench.floor_fanout") as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        subscribe: grpc.aio.UnaryStreamMultiCallable[
            bytes, subscription_service_pb2.SubscribeResponse
        ] = channel.unary_stream(
            METHOD,
            response_deserializer=subscription_service_pb2.SubscribeResponse.FromString,
        )
        for subscribers in SUBSCRIBERS:
            samples = await arrivals(lambda: subscribe(b""), subscribers, seconds)
            figures.append(harness.figure(name(subscribers), samples))
    return figures


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        asyncio.run(serve())
    else:
        harness.main(measure, __doc__)
