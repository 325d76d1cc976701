"""Subscriptions: everything that happens in a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant_messages.adjutant.notification import v1
from services.client.names import present
from services.client.streams import ReconnectPolicy, event_frames
from services.client.transport import Method, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from adjutant_messages.adjutant.event.v1 import EventFrame, EventKind

_PATH: Final = "/adjutant.notification.v1.SubscriptionService/"
_SUBSCRIBE = Method("notification", _PATH + "Subscribe", v1.SubscribeRequest, v1.SubscribeResponse)


class Subscriptions:
    """The event stream of a project; `Adjutant.subscriptions`."""

    def __init__(self, transport: Transport, parent: str, policy: ReconnectPolicy) -> None:
        self._transport = transport
        self._parent = parent
        self._policy = policy

    async def subscribe(
        self,
        *,
        kinds: Iterable[EventKind] = (),
        task: str = "",
        cursor: str = "",
        from_start: bool = False,
        heartbeats: bool = False,
    ) -> AsyncGenerator[EventFrame, None]:
        """Yield what happens in the project: from `cursor`, from the log's start, or from now on.

        `kinds` and `task` (a full name) narrow it down; keep them the same when going on
        from a cursor. It never ends by itself; a lost connection is taken up again where it was,
        each event comes once, in order. Raises `AdjutantError`s.
        """
        wanted = list(kinds)

        async def open_at(position: str) -> AsyncIterator[EventFrame]:
            request = v1.SubscribeRequest(
                parent=self._parent,
                kinds=wanted,
                task=task,
                cursor=position,
                from_start=from_start and not position,
            )
            async for answer in self._transport.stream(_SUBSCRIBE, request):
                yield present(answer.frame)

        async for frame in event_frames(
            open_at, cursor, policy=self._policy, endless=True, heartbeats=heartbeats
        ):
            yield frame
