"""What must hold of events: each is in the log once, in order, and heard so by everybody."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from tests.chaos.scene import Invariant, Scene, all_events, state_of
from tests.chaos.work import is_final


def logged_once(scene: Scene) -> Iterable[str]:
    """The log holds each event once."""
    counted = Counter(event.event_id for event in all_events(scene))
    for event in all_events(scene):
        if counted[event.event_id] > 1:
            yield f"event {event.event_id} of {event.resource} is in the log more than once"


def nothing_left_out(scene: Scene) -> Iterable[str]:
    """Each change of state goes on from the one before: none is missing, none is out of order.

    The last one is what the task itself says.
    """
    last: dict[str, int] = {}
    for event in all_events(scene):
        for what, before, after in _changes(event):
            # A step is PENDING from its task's acceptance on; nothing else has been anything.
            first = states.STEP_STATE_PENDING if " step " in what else 0
            if (was := last.get(what, first)) != before:
                yield f"{what} went on from {before}, and was in {was} ({event.event_id})"
            last[what] = after
    for name, task in scene.at_end.items():
        if last.get(name) != task.state:
            yield f"{name} is {state_of(task)}, and its last event says {last.get(name)}"


def heard_once_in_order(scene: Scene) -> Iterable[str]:
    """Who follows a project hears what its log holds: each event once, in order, without a gap."""
    for project, log in scene.log.items():
        expected = [event.event_id for event in log]
        for listener in scene.listeners[project]:
            yield from listener.complaints
            yield from _differences(listener.name, expected, listener.ids)


def watched_once_in_order(scene: Scene) -> Iterable[str]:
    """Who watches a task hears its whole story likewise, up to its final state at least.

    The stream ends there; what a run of the task says of itself later is not waited for, as the
    runner's events come into the log by another way than the orchestrator's.
    """
    stories: dict[str, list[event_pb2.Event]] = defaultdict(list)
    for event in all_events(scene):
        stories[event.task].append(event)
    for work in scene.works:
        yield from work.listener.complaints
        story, heard = stories[work.task], work.listener.ids
        ends = max((at for at, event in enumerate(story, 1) if is_final(event)), default=0)
        expected = [event.event_id for event in story[: max(ends, len(heard))]]
        yield from _differences(work.listener.name, expected, heard)


INVARIANTS: Final[tuple[Invariant, ...]] = (
    logged_once,
    nothing_left_out,
    heard_once_in_order,
    watched_once_in_order,
)


def _changes(event: event_pb2.Event) -> Iterable[tuple[str, int, int]]:
    """Return (what, state before, state after) of whatever an event says has changed."""
    if event.HasField("task_state_changed"):
        task = event.task_state_changed
        yield event.resource, task.previous_state, task.state
    elif event.HasField("run_state_changed"):
        run = event.run_state_changed
        yield event.resource, run.previous_state, run.state
    elif event.HasField("step_state_changed"):
        step = event.step_state_changed
        yield f"{event.resource} step {step.step.number}", step.previous_state, step.step.state


def _differences(who: str, expected: Sequence[str], heard: Sequence[str]) -> Iterable[str]:
    if list(expected) == list(heard):
        return
    twice = [event for event, count in Counter(heard).items() if count > 1]
    missed = [event for event in expected if event not in set(heard)]
    yield (
        f"{who} heard {len(heard)} events, the log holds {len(expected)}:"
        f" twice {twice[:5]}, missed {missed[:5]}, else in another order"
    )
