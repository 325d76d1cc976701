"""What must hold whatever was killed: each invariant is a function that returns its violations."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from adjutant.common.v1 import error_reason_pb2
from adjutant.common.v1 import task_pb2 as states
from adjutant.orchestrator.v1 import task_pb2
from tests.chaos import invariants_events
from tests.chaos.scene import Invariant, Scene, all_events, all_marks, state_of, step_of
from tests.support.mesh import FINAL, git

MOST_ATTEMPTS: Final = 3
"""How often a step is started whose shim was killed each time."""

_LOST: Final = error_reason_pb2.ERROR_REASON_RUN_LOST


def all_at_rest(scene: Scene) -> Iterable[str]:
    """Every accepted task has ended, or waits for a person whose answer brings it to its end."""
    for work in scene.works:
        rest, end = scene.at_rest.get(work.task), scene.at_end.get(work.task)
        may_wait = (states.TASK_STATE_WAITING_FOR_USER,) if work.kind.waits else ()
        if rest is None or end is None:
            yield f"{work.key} was accepted as {work.task} and is gone"
        elif rest.state not in (*FINAL, *may_wait):
            yield f"{work.key} ({work.task}) is still {state_of(rest)}: {rest.progress.message}"
        elif end.state not in FINAL:
            yield f"{work.key} ({work.task}) was answered and is still {state_of(end)}"
    for name, task in scene.at_end.items():
        if task.state not in FINAL and name not in {work.task for work in scene.works}:
            yield f"{task.title} ({name}) is still {state_of(task)}: {task.progress.message}"


def ended_as_it_must(scene: Scene) -> Iterable[str]:
    """Each task ended as its kind says, unless a step's shim was killed each time."""
    ends = {work.task: work.kind.end for work in scene.works}
    for name, task in scene.at_end.items():
        end = ends.get(name, states.TASK_STATE_COMPLETED)
        if task.state in FINAL and task.state != end and not _was_lost_for_good(scene, task):
            yield (
                f"{task.title} ({name}) is {state_of(task)}, not {states.TaskState.Name(end)}:"
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
    for key, marks in all_marks(scene):
        for title in marks.steps():
            begun, done = Counter(marks.of(title, "begun")), marks.of(title, "done")
            yield from (f"{key}: {run} began {n} times" for run, n in begun.items() if n > 1)
            last = {step_of(run): run for run in done}
            unexcused = list(done)
            for run in last.values():
                unexcused.remove(run)
            unexcused = [run for run in unexcused if run not in scene.killer.killed_runs]
            spared -= len(unexcused)
            if unexcused and spared < 0:
                yield f"{key}: step {title} was done again after {', '.join(unexcused)}"


def succeeded_steps_were_done(scene: Scene) -> Iterable[str]:
    """What is said to have succeeded has left its mark."""
    done = {run for _, m in all_marks(scene) for t in m.steps() for run in m.of(t, "done")}
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
    received = Counter(e.resource for e in all_events(scene) if e.HasField("task_message_received"))
    delivered = Counter(
        e.resource for e in all_events(scene) if e.HasField("task_message_delivered")
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
    for event in all_events(scene):
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
    *invariants_events.INVARIANTS,
    nothing_refused,
)


def violations(scene: Scene) -> list[str]:
    """Return everything that does not hold."""
    return [f"{check.__name__}: {text}" for check in INVARIANTS for text in check(scene)]


def _was_lost_for_good(scene: Scene, task: task_pb2.Task) -> bool:
    """Tell whether a run's shims were killed so often that the task may have failed of it."""
    killed = Counter(
        step_of(event.resource)
        for event in all_events(scene)
        if event.task == task.name and event.run_state_changed.failure.reason == _LOST
    )
    return max(killed.values(), default=0) >= MOST_ATTEMPTS
