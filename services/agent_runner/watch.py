"""Streams what happens to one run, and ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adjutant.common.v1 import run_pb2
from adjutant.event.v1 import event_pb2
from services.agent_runner.run import RUNS, STATES
from services.mesh.events import Ending, Filter
from services.mesh.events.envelope import subject_of
from services.mesh.names import parent_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.mesh.events import Frame, Hub
    from services.mesh.store import Store

_FINAL: Final = {run_pb2.RunState.Value(f"RUN_STATE_{state}") for state in STATES.final}


class Watcher:
    """Serves the event streams of runs."""

    def __init__(self, store: Store, hub: Hub) -> None:
        self._store = store
        self._hub = hub

    async def watch(self, name: str, cursor: str) -> AsyncIterator[Frame]:
        """Yield what happened to a run, LIVE, and what happens, up to its final state.

        NOT_FOUND, INVALID_CURSOR, SLOW_CONSUMER, SHUTTING_DOWN.
        """
        run = await self._store.get(RUNS, name)
        kind = event_pb2.EVENT_KIND_RUN_STATE_CHANGED
        # A task's subject holds the stories of all its runs.
        subject = subject_of(event_pb2.Event(kind=kind, resource=name, task=run.task))
        ending = Ending(
            subject, _is_final, is_over=run.is_final, resource=name, since=run.create_time
        )
        events = Filter(parent=parent_of(name), task=run.task, resource=name)
        async for frame in self._hub.stream(events, cursor, since=run.create_time, ending=ending):
            yield frame


def _is_final(event: event_pb2.Event) -> bool:
    return event.run_state_changed.state in _FINAL
