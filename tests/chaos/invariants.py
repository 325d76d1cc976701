"""What must hold whatever was killed: each invariant is a function that returns its violations."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from adjutant.common.v1 import error_reason_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import task_pb2
from tests.chaos.killer import Killer
from tests.chaos.marks import Marks
from tests.chaos.timetable import Timetable
from tests.chaos.witness import Listener
from tests.chaos.work import Work, is_final
from tests.support.mesh import FINAL, git

MOST_ATTEMPTS: Final = 3
"""How often a step is started whose shim was killed each time."""

_LOST: Final = error_reason_pb2.ERROR_REASON_RUN_LOST


@dataclass(frozen=True)
class Scene:
    """All that is known when everything has come to rest."""

    works: Sequence[Work]
    """What the load had accepted."""
    timetables: Sequence[Timetable]
    """What handed in tasks besides."""
    at_rest: Mapping[str, task_pb2.Task]
    """Every task that there is when nothing goes on any more, by its name."""
    at_end: Mapping[str, task_pb2.Task]
    """The same once what waited for a person was answered."""
    log: Mapping[str, Sequence[event_pb2.Event]]
    """What the log itself holds, by project."""
    listeners: Mapping[str, Sequence[Listener]]
    """Who followed each project."""
    killer: Killer


Invariant: TypeAlias = Callable[[Scene], Iterable[str]]


def all_at_rest(scene: Scene) -> Iterable[str]:
    """Every accepted task has ended, or waits for a person whose answer brings it to its end."""
    for work in scene.works:
        rest, end = scene.at_rest.get(work.task), scene.at_end.get(work.task)
        may_wait = (states.TASK_STATE_WAITING_FOR_USER,) if work.kind.waits else ()
        if rest is None or end is None:
            yield f"{work.key} was accepted as {work.task} and is gone"
        elif rest.state not in (*FINAL, *may_wait):
            yield f"{work.key} ({work.task}) is still {_state(rest)}: {rest.progress.message}"
        elif end.state not in FINAL:
            yield f"{work.key} ({work.task}) was answered and is still {_state(end)}"
    for name, task in scene.at_end.items():
        if task.state not in FINAL and name not in {work.task for work in scene.works}:
            yield f"{task.title} ({name}) is still {_state(task)}: {task.progress.message}"


def ended_as_it_must(scene: Scene) -> Iterable[str]:
    """Each task ended as its kind says, unless a step's shim was killed each time."""
    ends = {work.task: work.kind.end for work in scene.works}
    for name, task in scene.at_end.items():
        end = ends.get(name, states.TASK_STATE_COMPLETED)
        if task.state in FINAL and task.state != end and not _was_lost_for_good(scene, task):
            yield (
                f"{task.title} ({name}) is {_state(task)}, not {states.TaskState.Name(end)}:"
                f" {task.failure.message}"
            )


def accepted_once(scene: Scene) -> Iterable[str]:
    """Each request id made one task, however often it was sent."""
    accepted = Counter(work.key for work in scene.works)
    planned = {timetable.key for timetable in scene.timetables}
    found = Counter(t.title for t in scene.at_end.values() if t.title not in planned)
    for key, count in (found - accepted).items():
        yield f"{key} has {count} tasks more than were accepted"


def steps_done_once(scene: Scene) -> Iterable[str]:
    """No run began its job twice; no step was done twice, unless the shim of the first was killed.

    A job whose shim was killed may have done all it had to before it died with it: nobody is left
    to say so, and the step is tried again.
    """
    spared = scene.killer.killed_spares
    for key, marks in _all_marks(scene):
        for title in marks.steps():
            begun, done = Counter(marks.of(title, "begun")), marks.of(title, "done")
            yield from (f"{key}: {run} began {n} times" for run, n in begun.items() if n > 1)
            last = {_step_of(run): run for run in done}
            unexcused = list(done)
            for run in last.values():
                unexcused.remove(run)
            unexcused = [run for run in unexcused if run not in scene.killer.killed_runs]
            spared -= len(unexcused)
            if unexcused and spared < 0:
                yield f"{key}: step {title} was done again after {', '.join(unexcused)}"


def succeeded_steps_were_done(scene: Scene) -> Iterable[str]:
    """What is said to have succeeded has left its mark."""
    done = {run for _, m in _all_marks(scene) for t in m.steps() for run in m.of(t, "done")}
    for task in scene.at_end.values():
        for step in task.steps:
            if step.state == states.STEP_STATE_SUCCEEDED and step.run not in done:
                yield f"{task.title}: {step.title} SUCCEEDED by {step.run}, which was not done"


def ticks_made_one_task(scene: Scene) -> Iterable[str]:
    """Each tick of a schedule is told of once, and each task that it made is of one tick.

    But the last one: its schedule may be removed before what came of the tick is written there.
    """
    for timetable in scene.timetables:
        ticks = [
            event.schedule_ticked
            for event in scene.log[timetable.project]
            if event.resource == timetable.name and event.HasField("schedule_ticked")
        ]
        times = [tick.tick_time.ToNanoseconds() for tick in ticks]
        if times != sorted(set(times)):
            yield f"{timetable.name} was said to have ticked at {times}"
        told = Counter(tick.task for tick in ticks if tick.task)
        made = Counter(n for n, task in scene.at_end.items() if task.title == timetable.key)
        last = Counter([max(made, default="")])
        for name in (told - made) + (made - told - last):
            yield f"{name} of {timetable.name}: of {told[name]} ticks, there {made[name]} times"
        for tick in ticks:
            if tick.HasField("failure"):
                yield f"{timetable.name} failed to hand in: {tick.failure.message}"


def messages_handed_over_once(scene: Scene) -> Iterable[str]:
    """Each message that was accepted is told of once, and is handed over once before the end."""
    received = Counter(
        e.resource for e in _all_events(scene) if e.HasField("task_message_received")
    )
    delivered = Counter(
        e.resource for e in _all_events(scene) if e.HasField("task_message_delivered")
    )
    accepted = Counter(name for work in scene.works for name in work.told)
    for name in received - accepted:
        yield f"{name} is there besides those that were accepted"
    for work in scene.works:
        task = scene.at_end.get(work.task)
        least = 1 if task and task.state == states.TASK_STATE_COMPLETED else 0
        for name in work.told:
            if received[name] != 1 or not least <= delivered[name] <= 1:
                yield (
                    f"{work.key}: {name} was received {received[name]} times"
                    f" and delivered {delivered[name]} times"
                )


def lost_only_with_their_shims(scene: Scene) -> Iterable[str]:
    """A run is lost only where its shim was killed; any other process may die without that."""
    spared = scene.killer.killed_spares
    for event in _all_events(scene):
        change = event.run_state_changed
        if change.failure.reason == _LOST and event.resource not in scene.killer.killed_runs:
            spared -= 1
            if spared < 0:
                yield f"{event.resource} was lost: {change.failure.message}"


def committed_once(scene: Scene) -> Iterable[str]:
    """What was approved is in the repository as one commit."""
    for work in scene.works:
        task = scene.at_end.get(work.task)
        if not task or not work.kind.commits or task.state != states.TASK_STATE_COMPLETED:
            continue
        count = git(work.repository, "rev-list", "--count", f"main..{task.commit.branch}")
        if count != "1":
            yield f"{work.key}: branch {task.commit.branch} has {count} commits"


def logged_once(scene: Scene) -> Iterable[str]:
    """The log holds each event once."""
    counted = Counter(event.event_id for event in _all_events(scene))
    for event in _all_events(scene):
        if counted[event.event_id] > 1:
            yield f"event {event.event_id} of {event.resource} is in the log more than once"


def nothing_left_out(scene: Scene) -> Iterable[str]:
    """Each change of state goes on from the one before: none is missing, none is out of order.

    The last one is what the task itself says.
    """
    last: dict[str, int] = {}
    for event in _all_events(scene):
        for what, before, after in _changes(event):
            # A step is PENDING from its task's acceptance on; nothing else has been anything.
            first = states.STEP_STATE_PENDING if " step " in what else 0
            if (was := last.get(what, first)) != before:
                yield f"{what} went on from {before}, and was in {was} ({event.event_id})"
            last[what] = after
    for name, task in scene.at_end.items():
        if last.get(name) != task.state:
            yield f"{name} is {_state(task)}, and its last event says {last.get(name)}"


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
    for event in _all_events(scene):
        stories[event.task].append(event)
    for work in scene.works:
        yield from work.listener.complaints
        story, heard = stories[work.task], work.listener.ids
        ends = max((at for at, event in enumerate(story, 1) if is_final(event)), default=0)
        expected = [event.event_id for event in story[: max(ends, len(heard))]]
        yield from _differences(work.listener.name, expected, heard)


def nothing_refused(scene: Scene) -> Iterable[str]:
    """No call was refused for good: nobody did anything wrong."""
    for work in scene.works:
        yield from work.complaints


INVARIANTS: Final[tuple[Invariant, ...]] = (
    all_at_rest,
    ended_as_it_must,
    accepted_once,
    steps_done_once,
    succeeded_steps_were_done,
    ticks_made_one_task,
    messages_handed_over_once,
    lost_only_with_their_shims,
    committed_once,
    logged_once,
    nothing_left_out,
    heard_once_in_order,
    watched_once_in_order,
    nothing_refused,
)


def violations(scene: Scene) -> list[str]:
    """Return everything that does not hold."""
    return [f"{check.__name__}: {text}" for check in INVARIANTS for text in check(scene)]


def _was_lost_for_good(scene: Scene, task: task_pb2.Task) -> bool:
    """Tell whether a run's shims were killed so often that the task may have failed of it."""
    killed = Counter(
        _step_of(event.resource)
        for event in _all_events(scene)
        if event.task == task.name and event.run_state_changed.failure.reason == _LOST
    )
    return max(killed.values(), default=0) >= MOST_ATTEMPTS


def _all_marks(scene: Scene) -> Iterable[tuple[str, Marks]]:
    """Return everything that wrote down what its steps did, by its key."""
    yield from ((work.key, work.marks) for work in scene.works)
    yield from ((timetable.key, timetable.marks) for timetable in scene.timetables)


def _step_of(run: str) -> str:
    """Return what the runs of all attempts of one step have in common."""
    return run.rpartition("-")[0]


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


def _all_events(scene: Scene) -> Iterable[event_pb2.Event]:
    return (event for log in scene.log.values() for event in log)


def _state(task: task_pb2.Task) -> str:
    return states.TaskState.Name(task.state)
