"""What is known when everything has come to rest, and what the invariants ask of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from adjutant.common.v1 import task_pb2 as states
from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import task_pb2
from tests.chaos.killer import Killer
from tests.chaos.marks import Marks
from tests.chaos.timetable import Timetable
from tests.chaos.witness import Listener
from tests.chaos.work import Work


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


def all_events(scene: Scene) -> Iterable[event_pb2.Event]:
    """Return every event of every project, each project's in its order."""
    return (event for log in scene.log.values() for event in log)


def all_marks(scene: Scene) -> Iterable[tuple[str, Marks]]:
    """Return everything that wrote down what its steps did, by its key."""
    yield from ((work.key, work.marks) for work in scene.works)
    yield from ((timetable.key, timetable.marks) for timetable in scene.timetables)


def step_of(run: str) -> str:
    """Return what the runs of all attempts of one step have in common."""
    return run.rpartition("-")[0]


def state_of(task: task_pb2.Task) -> str:
    """Return a task's state in words."""
    return states.TaskState.Name(task.state)
