"""Messages of one JetStream consumer, as they come.

One pull request is always outstanding and is renewed before it runs dry, so
that a message arrives as fast as if it were pushed, and never more than we
asked for. The client's own `fetch` either takes one message a round trip or
waits for a full batch.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

BATCH: Final = 512
EXPIRES_S: Final = 30.0
HEARTBEAT_S: Final = 2.0
_NO_MESSAGES, _EXPIRED, _HEARTBEAT = "404", "408", "100"


class ConsumerLostError(Exception):
    """The consumer is gone or the server does not answer; make another one."""


class Pull:
    """One consumer's messages. Use it as an async context manager."""

    def __init__(
        self,
        client: Client,
        stream: str,
        consumer: str,
        pending: int = 0,
        is_drained: Callable[[], Awaitable[bool]] | None = None,
        expires_s: float = EXPIRES_S,
    ) -> None:
        self.pending = pending
        """How many messages waited when the consumer was made."""
        self._is_drained = is_drained
        self._expires_s = expires_s
        self._client = client
        self._inbox = client.new_inbox()
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._outstanding = 0
        self._arrived: asyncio.Queue[Msg | None] = asyncio.Queue()

    async def __aenter__(self) -> "Pull":
        """Start listening."""
        self._subscription = await self._client.subscribe(self._inbox, cb=self._arrived.put)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening."""
        if not self._client.is_closed:
            await self._subscription.unsubscribe()

    def renew(self) -> None:
        """Ask again: the connection was lost and the server has forgotten what we asked for."""
        self._outstanding = 0
        self._asking = asyncio.create_task(self._ask_again())

    def lose(self) -> None:
        """End the messages: the connection was lost, and perhaps some of them with it."""
        self._arrived.put_nowait(None)

    async def messages(self) -> AsyncIterator[Msg]:
        """Yield messages, for ever or until it is quiet and drained. ConsumerLostError."""
        while True:
            if self._outstanding <= BATCH // 4:
                await self._ask()
            try:
                async with asyncio.timeout(HEARTBEAT_S * 2.5):
                    message = await self._arrived.get()
            except TimeoutError:
                raise ConsumerLostError("no heartbeat") from None
            if message is None:
                raise ConsumerLostError("the connection was lost")
            status = (message.headers or {}).get("Status")
            if status is None:
                self._outstanding -= 1
                yield message
            elif status in (_NO_MESSAGES, _EXPIRED):
                self._outstanding = 0
            elif status == _HEARTBEAT:
                if self._is_drained and await self._is_drained():
                    return
            else:
                raise ConsumerLostError(f"status {status}")

    async def _ask_again(self) -> None:
        # The connection can be lost again meanwhile; then we are called again.
        with contextlib.suppress(NatsError):
            await self._ask()

    async def _ask(self) -> None:
        request = {
            "batch": BATCH,
            "expires": int(self._expires_s * 1e9),
            "idle_heartbeat": int(HEARTBEAT_S * 1e9),
        }
        await self._client.publish(self._next, json.dumps(request).encode(), self._inbox)
        self._outstanding += BATCH
