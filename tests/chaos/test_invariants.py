"""Each invariant finds what it is there for, and finds nothing where all is well."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from adjutant.common.v1 import error_reason_pb2, failure_pb2
from adjutant.common.v1 import run_pb2 as run_states
from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2, run_events_pb2, schedule_events_pb2, task_events_pb2
from adjutant.orchestrator.v1 import task_pb2
from services.mesh.events import new_event
from tests.chaos.disturbances import wishes
from tests.chaos.invariants import INVARIANTS, Scene, violations
from tests.chaos.killer import Disturbance, Killer
from tests.chaos.kinds import Approved, Parallel
from tests.chaos.marks import Marks
from tests.chaos.timetable import Timetable
from tests.chaos.witness import Listener
from tests.chaos.work import Work
from tests.support.mesh import PROJECT, git, make_repository

TASK, SCHEDULED = f"{PROJECT}/tasks/t", f"{PROJECT}/tasks/s"
MESSAGE = f"{TASK}/messages/m"
FIRST, SECOND = f"{PROJECT}/runs/t-1-1", f"{PROJECT}/runs/t-1-2"
QUEUED, COMPLETED = states.TASK_STATE_QUEUED, states.TASK_STATE_COMPLETED


def _task_event(before: int, after: int, task: str = TASK) -> event_pb2.Event:
    changed = task_events_pb2.TaskStateChanged(
        previous_state=cast("states.TaskState", before), state=cast("states.TaskState", after)
    )
    return new_event(resource=task, task=task, task_state_changed=changed)


def _tick(at_s: int, task: str) -> event_pb2.Event:
    ticked = schedule_events_pb2.ScheduleTicked(task=task)
    ticked.tick_time.FromSeconds(at_s)
    return new_event(resource=f"{PROJECT}/schedules/timetable-1", schedule_ticked=ticked)


def _received(name: str) -> event_pb2.Event:
    received = task_events_pb2.TaskMessageReceived(number=1)
    return new_event(resource=name, task="", task_message_received=received)


def _delivered(name: str) -> event_pb2.Event:
    delivered = task_events_pb2.TaskMessageDelivered(number=1)
    return new_event(resource=name, task="", task_message_delivered=delivered)


def _lost(run: str) -> event_pb2.Event:
    changed = run_events_pb2.RunStateChanged(
        state=run_states.RUN_STATE_FAILED,
        failure=failure_pb2.Failure(reason=error_reason_pb2.ERROR_REASON_RUN_LOST),
    )
    return new_event(resource=run, task=TASK, run_state_changed=changed)


def _listener(events: list[event_pb2.Event]) -> Listener:
    return Listener("who listens", cast("Any", None), events=list(events))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A scene in which all is well: one task of one step, and one that a schedule handed in."""
    log = [
        *(_task_event(0, QUEUED), _task_event(QUEUED, COMPLETED)),
        *(_tick(1, SCHEDULED), _task_event(0, COMPLETED, SCHEDULED)),
        *(_received(MESSAGE), _delivered(MESSAGE)),
    ]
    repository = make_repository(tmp_path / "repository")
    git(repository, "branch", "done")
    marks = Marks(tmp_path / "marks")
    (marks.folder / "s").write_text(f"begun {FIRST}\ndone {FIRST}\n")
    work = Work(
        key="work 1",
        kind=Parallel(),
        project=PROJECT,
        marks=marks,
        repository=repository,
        callers=(),
        chance=random.Random(0),
        task=TASK,
        told=[MESSAGE],
        _listener=_listener(log[:2]),
    )
    task = task_pb2.Task(name=TASK, title="work 1", state=COMPLETED)
    task.commit.branch = "done"
    task.steps.add(number=1, title="s", state=states.STEP_STATE_SUCCEEDED, run=FIRST)
    scheduled = task_pb2.Task(name=SCHEDULED, title="timetable-1", state=COMPLETED)
    killer = Killer(cast("Any", None), "", random.Random(0), 1.0, lambda: 0)
    return Scene(
        works=[work],
        timetables=[Timetable("timetable-1", PROJECT, Marks(tmp_path / "ticks"), ())],
        at_rest={TASK: task, SCHEDULED: scheduled},
        at_end={TASK: task, SCHEDULED: scheduled},
        log={PROJECT: log},
        listeners={PROJECT: [_listener(log)]},
        killer=killer,
    )


def _kill_shim(scene: Scene, run: str) -> None:
    scene.killer.done.append(Disturbance(0.0, "kill", "shim", 1, run))


def _is_gone(scene: Scene) -> Scene:
    return replace(scene, at_rest={})


def _scheduled_hangs(scene: Scene) -> Scene:
    hanging = task_pb2.Task(name=SCHEDULED, state=states.TASK_STATE_ORCHESTRATING)
    return replace(scene, at_end={**scene.at_end, SCHEDULED: hanging})


def _hangs(scene: Scene) -> Scene:
    hanging = task_pb2.Task(name=TASK, state=states.TASK_STATE_ORCHESTRATING)
    return replace(scene, at_rest={TASK: hanging})


def _failed(scene: Scene) -> Scene:
    return replace(scene, at_end={TASK: task_pb2.Task(name=TASK, state=states.TASK_STATE_FAILED)})


def _failed_after_two_losses(scene: Scene) -> Scene:
    _kill_shim(scene, FIRST)
    _kill_shim(scene, SECOND)
    return _failed(_with_log(scene, [_lost(FIRST), _lost(SECOND)]))


def _there_twice(scene: Scene) -> Scene:
    other = task_pb2.Task(name=f"{TASK}2", title="work 1", state=COMPLETED)
    return replace(scene, at_end={**scene.at_end, other.name: other})


def _marked(scene: Scene, text: str) -> Scene:
    (scene.works[0].marks.folder / "s").write_text(text)
    return scene


def _with_log(scene: Scene, log: list[event_pb2.Event]) -> Scene:
    return replace(scene, log={PROJECT: log})


def _untold(scene: Scene) -> Scene:
    earlier = task_pb2.Task(name=f"{PROJECT}/tasks/a", title="timetable-1", state=COMPLETED)
    return replace(scene, at_end={**scene.at_end, earlier.name: earlier})


def _also(scene: Scene, event: event_pb2.Event) -> Scene:
    return _with_log(scene, [*scene.log[PROJECT], event])


def _not_committed(scene: Scene) -> Scene:
    return replace(scene, works=[replace(scene.works[0], kind=Approved())])


def _heard(scene: Scene, events: list[event_pb2.Event], complaints: tuple[str, ...] = ()) -> Scene:
    listener = _listener(events)
    listener.complaints += complaints
    return replace(scene, listeners={PROJECT: [listener]})


def _watched(scene: Scene, events: list[event_pb2.Event]) -> Scene:
    return replace(scene, works=[replace(scene.works[0], _listener=_listener(events))])


def _refused(scene: Scene) -> Scene:
    scene.works[0].complaints.append("work 1 got INTERNAL")
    return scene


WRONGS: list[tuple[str, Callable[[Scene], Scene]]] = [
    ("all_at_rest", _is_gone),
    ("all_at_rest", _hangs),
    ("all_at_rest", _scheduled_hangs),
    ("ended_as_it_must", _failed),
    ("ended_as_it_must", _failed_after_two_losses),
    ("accepted_once", _there_twice),
    ("steps_done_once", lambda s: _marked(s, f"begun {FIRST}\nbegun {FIRST}\ndone {FIRST}\n")),
    ("steps_done_once", lambda s: _marked(s, f"done {SECOND}\ndone {FIRST}\n")),
    ("steps_done_once", lambda s: _marked(s, f"done {FIRST}\ndone {FIRST}\n")),
    ("succeeded_steps_were_done", lambda s: _marked(s, f"begun {FIRST}\n")),
    ("ticks_made_one_task", lambda s: _also(s, _tick(2, SCHEDULED))),
    ("ticks_made_one_task", lambda s: _also(s, _tick(1, ""))),
    ("ticks_made_one_task", lambda s: _also(s, _tick(2, f"{SCHEDULED}-gone"))),
    ("ticks_made_one_task", _untold),
    ("messages_handed_over_once", lambda s: _also(s, _delivered(MESSAGE))),
    ("messages_handed_over_once", lambda s: _also(s, _received(f"{MESSAGE}-2"))),
    ("messages_handed_over_once", lambda s: _with_log(s, list(s.log[PROJECT][:-1]))),
    ("lost_only_with_their_shims", lambda s: _with_log(s, [_lost(FIRST)])),
    ("committed_once", _not_committed),
    ("logged_once", lambda s: _with_log(s, [*s.log[PROJECT], s.log[PROJECT][0]])),
    ("nothing_left_out", lambda s: _with_log(s, list(s.log[PROJECT][1:]))),
    ("nothing_left_out", lambda s: _with_log(s, list(s.log[PROJECT][:1]))),
    ("heard_once_in_order", lambda s: _heard(s, list(s.log[PROJECT][:1]))),
    ("heard_once_in_order", lambda s: _heard(s, list(reversed(s.log[PROJECT])))),
    ("heard_once_in_order", lambda s: _heard(s, [*s.log[PROJECT], s.log[PROJECT][0]])),
    ("heard_once_in_order", lambda s: _heard(s, list(s.log[PROJECT]), ("a gap",))),
    ("watched_once_in_order", lambda s: _watched(s, list(s.log[PROJECT][1:2]))),
    ("nothing_refused", _refused),
]


def test_nothing_is_found_where_all_is_well(scene: Scene) -> None:
    assert violations(scene) == []


@pytest.mark.parametrize(("name", "spoil"), WRONGS)
def test_what_is_wrong_is_found(scene: Scene, name: str, spoil: Callable[[Scene], Scene]) -> None:
    found = violations(spoil(scene))
    assert [one for one in found if one.startswith(f"{name}: ")], found


def test_every_invariant_is_tried() -> None:
    assert {name for name, _ in WRONGS} == {check.__name__ for check in INVARIANTS}


def test_a_step_may_be_done_again_whose_shim_was_killed(scene: Scene) -> None:
    _kill_shim(scene, SECOND)
    assert violations(_marked(scene, f"done {SECOND}\nbegun {FIRST}\ndone {FIRST}\n")) == []


def test_a_task_may_fail_whose_shims_were_killed_each_time(scene: Scene) -> None:
    third = f"{PROJECT}/runs/t-1-3"
    for run in (FIRST, SECOND, third):
        _kill_shim(scene, run)
    lost = [_lost(FIRST), _lost(SECOND), _lost(third)]
    found = violations(_failed(_with_log(scene, lost)))
    assert not [one for one in found if one.startswith(("ended_as", "lost_only"))]


def test_a_seed_decides_what_is_disturbed() -> None:
    first, second = (wishes(random.Random(7), 1.0) for _ in range(2))
    drawn = [next(first) for _ in range(500)]
    assert drawn == [next(second) for _ in range(500)]
    assert {wish.victim for wish in drawn} == {
        *("orchestrator", "agent_runner", "notification", "nats"),
        *("spawner", "shim", "spare", "up"),
    }
    assert any(wish.stop_s > 1.0 for wish in drawn)
    assert any(wish.stop_s == 0 for wish in drawn)
