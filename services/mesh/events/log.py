"""The event log: one JetStream stream, and this process's connection to it.

The audit log is a second stream on the same connection (services/mesh/events/streams.py);
whatever reads by subject finds the one that holds it.
"""

import asyncio
import contextlib
import hashlib
import itertools
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from dateutil import parser as dates
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext, api
from nats.js.errors import NotFoundError

from adjutant.event.v1 import event_pb2
from services.mesh.config import MeshSettings
from services.mesh.errors import AdjutantError, StoreUnavailableError
from services.mesh.events.pull import ConsumerLostError, Pull
from services.mesh.events.streams import STREAM, configs, stream_of
from services.mesh.identity.files import Complaint, read_private
from services.mesh.identity.local import nats_token_path

_STREAM_INFO: Final = f"$JS.API.STREAM.INFO.{STREAM}"
REQUEST_TIMEOUT_S: Final = 2.0
RETRY_S: Final = 0.1
# The server stamps a message a moment after the event's own time.
CLOCK_MARGIN: Final = timedelta(minutes=1)
_QUIET_ATTEMPTS: Final = 40
"""How often a server may refuse before it is said: two seconds, in which an embedded one starts."""
SHARED_EXPIRES_S: Final = 5.0
"""Seconds for which a consumer that replicas share sends messages to one of them."""
# Consumers that nobody reads any more are removed by the server after this.
IDLE_CONSUMER_S: Final = 60.0
TRANSIENT: Final = (NatsError, TimeoutError, OSError, ConsumerLostError, StoreUnavailableError)
"""What a call raises while a server is away; the same call may succeed later."""

log = logging.getLogger(__name__)
_complain = Complaint(log)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An event and its place in the log."""

    sequence: int
    event: event_pb2.Event
    headers: dict[str, str]


@dataclass(frozen=True)
class LogState:
    """What the log holds."""

    epoch: bytes
    first_sequence: int
    last_sequence: int
    first_time: datetime
    """When the oldest event came; of a log that holds none any more, when the last one came."""


class EventLog:
    """The stream of all events. It survives restarts of the server and reconnects by itself."""

    def __init__(self, client: Client, settings: MeshSettings) -> None:
        self.client = client
        self.jetstream: JetStreamContext = client.jetstream(timeout=REQUEST_TIMEOUT_S)
        self._settings = settings
        self._closing = False
        self._on_reconnect: set[Callable[[], None]] = set()
        self._on_disconnect: set[Callable[[], None]] = set()
        self._ensuring: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, settings: MeshSettings) -> "EventLog":
        """Wait until the server answers, and make the streams where they are missing."""
        await _wait_for_port(settings.nats_address)
        client = Client()
        event_log = cls(client, settings)
        try:
            await client.connect(
                settings.nats_address,
                token=_token(settings),
                name=f"adjutant-{settings.service}",
                max_reconnect_attempts=-1,
                reconnect_time_wait=RETRY_S,  # type: ignore[arg-type]  # fractions work
                ping_interval=5,
                max_outstanding_pings=2,
                reconnected_cb=event_log._reconnected,
                disconnected_cb=event_log._disconnected,
                error_cb=_client_error,
            )
            await event_log._ensure_streams()
        except BaseException:  # a service that is stopped while it still waits
            await event_log.close()
            raise
        return event_log

    async def close(self) -> None:
        """Let go of the connection."""
        self._closing = True
        if self._ensuring:
            self._ensuring.cancel()
        with contextlib.suppress(*TRANSIENT):
            await self.client.close()

    async def state(self) -> LogState:
        """Return what the log holds. EVENT_LOG_UNAVAILABLE."""
        with unavailable():
            # The client's own stream_info leaves the time of the first message out.
            reply = await self.client.request(_STREAM_INFO, b"", REQUEST_TIMEOUT_S)
            info = json.loads(reply.data)
            if "state" not in info:
                raise ConsumerLostError(info.get("error"))
        state = info["state"]
        return LogState(
            epoch=hashlib.sha256(info["created"].encode()).digest()[:8],
            first_sequence=state["first_seq"],
            last_sequence=state["last_seq"],
            first_time=dates.isoparse(state["first_ts" if state["messages"] else "last_ts"]),
        )

    async def last_entry(self, subject: str) -> LogEntry | None:
        """Return the newest event on a subject, or None. EVENT_LOG_UNAVAILABLE."""
        with unavailable():
            try:
                message = await self.jetstream.get_last_msg(STREAM, subject)
            except NotFoundError:
                return None
        assert message.seq is not None
        event = event_pb2.Event.FromString(message.data or b"")
        return LogEntry(message.seq, event, dict(message.headers or {}))

    async def last_entry_of(self, subject: str, resource: str, since: datetime) -> LogEntry | None:
        """Return a resource's newest event on a subject that others share, or None.

        `since` is when the resource was made. EVENT_LOG_UNAVAILABLE.
        """
        newest = None
        with unavailable():
            async for entry in self._since(subject, since - CLOCK_MARGIN):
                if entry.event.resource == resource:
                    newest = entry
        return newest

    async def read(self, subjects: Sequence[str], first: int, last: int) -> AsyncIterator[LogEntry]:
        """Yield what the log holds on the subjects, from one sequence to another."""
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=max(first, 1)
        )
        async with self.pull(subjects, config, to_the_end=True) as pull:
            if not pull.pending:
                return
            async for message in pull.messages():
                entry = entry_of(message)
                if entry.sequence > last:
                    return
                yield entry
                if entry.sequence == last or not message.metadata.num_pending:
                    return

    async def contains(self, subject: str, event_id: str, since: datetime) -> bool:
        """Tell whether an event is already in the stream that holds the subject."""
        async with contextlib.aclosing(self._since(subject, since)) as entries:
            async for entry in entries:
                if entry.event.event_id == event_id:
                    return True
        return False

    async def _since(self, subject: str, time: datetime) -> AsyncGenerator[LogEntry, None]:
        config = api.ConsumerConfig(
            deliver_policy=api.DeliverPolicy.BY_START_TIME, opt_start_time=time
        )
        async with self.pull([subject], config, to_the_end=True) as pull:
            if not pull.pending:
                return
            async for message in pull.messages():
                yield entry_of(message)
                if not message.metadata.num_pending:
                    return

    @contextlib.asynccontextmanager
    async def pull(
        self,
        subjects: Sequence[str],
        config: api.ConsumerConfig,
        *,
        to_the_end: bool = False,
        stream: str = "",
    ) -> AsyncIterator[Pull]:
        """Read subjects of one stream through a consumer of one's own that ends with the block.

        The stream is the one that the first of them belongs to, where it is not said.
        With `to_the_end` its messages end when none is left, also where retention removes
        those that waited.

        It ends with the connection too: what the server had sent by then and we had not
        read is not sent again, because nothing is acknowledged. ConsumerLostError.
        """
        config = replace(
            config,
            filter_subjects=list(subjects),
            ack_policy=api.AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=IDLE_CONSUMER_S,
        )
        stream = stream or stream_of(subjects[0])
        info = await self.jetstream.add_consumer(stream, config)

        async def is_drained() -> bool:
            return not (await self.jetstream.consumer_info(stream, info.name)).num_pending

        waiting = info.num_pending or 0
        ending = is_drained if to_the_end else None
        async with Pull(self.client, stream, info.name, waiting, ending) as pull:
            self._on_disconnect.add(pull.lose)
            try:
                yield pull
            finally:
                self._on_disconnect.discard(pull.lose)
                with contextlib.suppress(*TRANSIENT):
                    await self.jetstream.delete_consumer(stream, info.name)

    @contextlib.asynccontextmanager
    async def pull_from(self, consumer: str, stream: str = STREAM) -> AsyncIterator[Pull]:
        """Read through a durable consumer, which sends again what was not acknowledged.

        Requests are short: until its request has expired, a reader that was paused is sent what
        other replicas could handle.
        """
        async with Pull(self.client, stream, consumer, expires_s=SHARED_EXPIRES_S) as pull:
            self._on_reconnect.add(pull.renew)
            try:
                yield pull
            finally:
                self._on_reconnect.discard(pull.renew)

    def on_reconnect(self, wake: Callable[[], None]) -> None:
        """Call `wake` in the event loop whenever the connection is back."""
        self._on_reconnect.add(wake)

    async def _disconnected(self) -> None:
        if not self._closing:
            log.warning("the event log is away; what happens meanwhile is published later")
        for lose in list(self._on_disconnect):
            lose()

    async def _reconnected(self) -> None:
        log.info("the event log is back")
        # Its store may have been replaced while it was away.
        self._ensuring = asyncio.create_task(self._ensure_streams())
        for wake in list(self._on_reconnect):
            wake()

    async def _ensure_streams(self) -> None:
        for config in configs(self._settings):
            await self._ensure(config)

    async def _ensure(self, config: api.StreamConfig) -> None:
        while True:
            try:
                await self.jetstream.add_stream(config)
                return
            except TRANSIENT as error:
                # Several services make it at once, and the server may still be starting.
                with contextlib.suppress(*TRANSIENT):
                    await self.jetstream.update_stream(config)
                    return
                log.warning("the stream %s is not ready: %s", config.name, error)
                await asyncio.sleep(RETRY_S)


def entry_of(message: Msg) -> LogEntry:
    """Return the event that a message of the log holds; an empty one where it holds none."""
    sequence = message.metadata.sequence.stream
    try:
        event = event_pb2.Event.FromString(message.data)
    except DecodeError:
        log.error("message %d of the event log is no event; who else writes there?", sequence)
        event = event_pb2.Event()
    return LogEntry(sequence, event, dict(message.headers or {}))


@contextlib.contextmanager
def unavailable() -> Iterator[None]:
    """Turn an unreachable server into EVENT_LOG_UNAVAILABLE."""
    try:
        yield
    except TRANSIENT as error:
        raise AdjutantError(
            "EVENT_LOG_UNAVAILABLE",
            "The event log does not answer just now; try again in a moment.",
            retry_after_s=1.0,
        ) from error


def _token(settings: MeshSettings) -> str | None:
    """Return what the embedded server wants; of another one the URL has it. OSError."""
    if settings.nats_url:
        return None
    return read_private(nats_token_path(settings)).decode().strip()


async def _wait_for_port(url: str) -> None:
    # A first connect that is refused costs nats-py two seconds; a plain socket costs nothing.
    parts = urlsplit(url)
    for attempt in itertools.count():
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 4222)
        except OSError:
            if attempt == _QUIET_ATTEMPTS:
                where = f"{parts.hostname}:{parts.port or 4222}"  # the URL may hold a password
                log.warning("nothing answers at %s; waiting for the event log there", where)
            await asyncio.sleep(RETRY_S / 2)
        else:
            writer.close()
            return


async def _client_error(error: Exception) -> None:
    if "authorization violation" in str(error).lower():
        _complain(
            "the event log does not let this service in (%s); see that ADJUTANT_NATS_URL or "
            "ADJUTANT_NATS_TOKEN_FILE has its token",
            error,
        )
    log.debug("event log connection: %r", error)


__all__ = ["STREAM", "TRANSIENT", "EventLog", "LogEntry", "LogState", "entry_of"]
