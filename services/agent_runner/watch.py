"""Streams what happens to one run, and ends with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adjutant.common.v1 import run_pb2
from adjutant.event.v1 import event_pb2
from services.agent_runner.run import RUNS, STATES
from services.mesh.events import Filter
from services.mesh.events.envelope import subject_of
from services.mesh.events.log import unavailable
from services.mesh.names import parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.agent_runner.run import RunRecord
    from services.mesh.events import EventLog, Frame, Hub
    from services.mesh.store import Store

_FINAL: Final = {run_pb2.RunState.Value(f"RUN_STATE_{state}") for state in STATES.final}
_LAST_FRAMES_S: Final = 0.5
"""How long to wait for an end that is in the log and perhaps not yet in this process's view."""


class Watcher:
    """Serves the event streams of runs."""

    def __init__(self, store: Store, hub: Hub, log: EventLog) -> None:
        self._store = store
        self._hub = hub
        self._log = log

    async def watch(self, name: str, cursor: str) -> AsyncIterator[Frame]:
        """Yield what happened to a run, LIVE, and what happens, up to its final state.

        NOT_FOUND, INVALID_CURSOR, SLOW_CONSUMER, SHUTTING_DOWN.
        """
        run = await self._store.get(RUNS, name)
        told = await self._end_was_told(run) if cursor else False
        events = Filter(parent=parent_of(name), task=run.task, resource=name)
        frames = self._hub.stream(events, cursor, since=run.create_time)
        async for frame in frames:
            yield frame
            if frame.event.run_state_changed.state in _FINAL:
                return
            if told and frame.HasField("live"):
                break
        # The reader may have the end already, before its cursor.
        with suppress(TimeoutError, StopAsyncIteration):
            async with asyncio.timeout(_LAST_FRAMES_S):
                frame = await anext(frames)
            yield frame

    async def _end_was_told(self, run: RunRecord) -> bool:
        """Whether the run's final state is in the log already."""
        if not run.is_final or run.end_time is None:
            return False
        subject = subject_of(
            event_pb2.Event(
                kind=event_pb2.EVENT_KIND_RUN_STATE_CHANGED, resource=run.name, task=run.task
            )
        )
        since = run.update_time - timedelta(minutes=1)
        with unavailable():
            return await self._log.contains(subject, run.final_event_id, since)
