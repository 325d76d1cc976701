"""Small things that the tests of the mesh do again and again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from adjutant.common.v1 import task_pb2
from adjutant.event.v1 import event_pb2, frame_pb2, run_events_pb2, task_events_pb2
from services.mesh import tasks
from services.mesh.config import MeshSettings
from services.mesh.events import Ending, EventLog, Filter, Hub, new_event
from services.mesh.events.envelope import subject_of, subject_of_resource

PARENT = "clients/acme/projects/web"
TASK = f"{PARENT}/tasks/t-1"
PROJECT = Filter(PARENT)
PATIENCE_S = 30.0
"""Far more than anything here takes; a test that waits so long has failed."""
ENDING = Ending(
    f"{subject_of_resource(TASK)}.task_state_changed",
    lambda event: event.task_state_changed.state == task_pb2.TASK_STATE_COMPLETED,
)

Frame = frame_pb2.EventFrame


def said(
    text: object, *, run: str = "r-1", task: str = "", parent: str = PARENT
) -> event_pb2.Event:
    """Return an event that says something."""
    progress = run_events_pb2.RunProgress(message=str(text))
    return new_event(resource=f"{parent}/runs/{run}", task=task, run_progress=progress)


def became(state: task_pb2.TaskState) -> event_pb2.Event:
    """Return the event that the task moved to a state."""
    changed = task_events_pb2.TaskStateChanged(state=state)
    return new_event(resource=TASK, task=TASK, task_state_changed=changed)


async def publish(event_log: EventLog, *events: event_pb2.Event) -> int:
    """Put events into the log as the relay does; return the last one's sequence."""
    sequence = 0
    for event in events:
        headers = {"Nats-Msg-Id": event.event_id}
        payload = event.SerializeToString()
        ack = await event_log.jetstream.publish(subject_of(event), payload, headers=headers)
        sequence = ack.seq
    return sequence


async def in_log(event_log: EventLog) -> list[str]:
    """Return what the events in the log say."""
    state = await event_log.state()
    entries = event_log.read(["adjutant.event.>"], 1, state.last_sequence)
    return [text_of(entry.event) async for entry in entries]


def text_of(event: event_pb2.Event) -> str:
    return event.run_progress.message


def what(frame: Frame) -> str:
    """Return what a frame says: its event's text, or its kind in capitals."""
    kind = frame.WhichOneof("frame") or "NOTHING"
    if kind == "event" and frame.event.HasField("task_state_changed"):
        return task_pb2.TaskState.Name(frame.event.task_state_changed.state)[11:]
    if kind == "gap":
        return frame_pb2.Gap.Reason.Name(frame.gap.reason)[7:]
    return text_of(frame.event) if kind == "event" else kind.upper()


async def take(stream: AsyncIterator[Frame], count: int) -> list[Frame]:
    """Return the next frames of a stream, which stays open."""
    async with asyncio.timeout(PATIENCE_S):
        return [await anext(stream) for _ in range(count)]


async def until(stream: AsyncIterator[Frame], last: str) -> list[Frame]:
    """Return the frames of a stream up to the one that says something."""
    frames: list[Frame] = []
    async with asyncio.timeout(PATIENCE_S):
        async for frame in stream:
            frames.append(frame)
            if what(frame) == last:
                return frames
    raise AssertionError(f"the stream ended without {last}: {[what(f) for f in frames]}")


def words(frames: Iterable[Frame]) -> list[str]:
    return [what(frame) for frame in frames]


async def eventually(holds: Callable[[], object]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*works: Any) -> AsyncIterator[None]:
    """Run coroutines beside a block; one that fails fails the block's end."""
    started = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        await tasks.end(started)
        for task in started:
            if not task.cancelled() and (error := task.exception()):
                raise error


@contextlib.asynccontextmanager
async def following(event_log: EventLog, **settings: Any) -> AsyncIterator[Hub]:
    """Run a hub over a log."""
    hub = Hub(event_log, MeshSettings(**settings))
    async with running(hub.run()):
        yield hub
