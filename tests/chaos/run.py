"""The run: a mesh under load whose processes are killed; then it comes to rest, and is judged."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from adjutant.event.v1 import event_pb2
from adjutant.orchestrator.v1 import task_pb2, task_service_pb2
from services.ports import REPLICA_STRIDE
from tests.chaos import remains, user
from tests.chaos.invariants import Scene, violations
from tests.chaos.killer import Killer
from tests.chaos.load import Load
from tests.chaos.parts import MARK, of_mesh
from tests.chaos.witness import Listener, on_project
from tests.support.mesh import Caller, make_repository
from tests.support.processes import LiveMesh

PROJECTS: Final = ("clients/acme/projects/web", "clients/beta/projects/app")
LEASE_S: Final = 3.0
SETTLE_S: Final = 120.0
"""Seconds in which all must come to rest once nothing is disturbed any more."""
REMAINS_S: Final = 20.0
"""Seconds in which what is left must be gone then."""
_TELL_S: Final = 5.0
_SETTINGS: Final = {
    # Shorter than usual, so that much happens in little time.
    "ADJUTANT_LEASE_TTL_S": str(LEASE_S),
    "ADJUTANT_RECONCILE_INTERVAL_S": "1",
    "ADJUTANT_RUN_CHECK_AGE_S": "5",
    "ADJUTANT_JOB_HEARTBEAT_S": "1",
    "ADJUTANT_CANCEL_GRACE_S": "0.5",
    "ADJUTANT_STREAM_HEARTBEAT_S": "1",
    "ADJUTANT_DRAIN_GRACE_S": "1",
    "ADJUTANT_RETRY_INITIAL_S": "0.2",
}

Say = Callable[[str], None]


@dataclass
class Report:
    """What a run found."""

    seed: int
    kills: int = 0
    tasks: int = 0
    events: int = 0
    violations: list[str] = field(default_factory=list)
    disturbances: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"kills={self.kills} tasks={self.tasks} events={self.events}"
            f" violations={len(self.violations)} seed={self.seed}"
        )


@dataclass
class _Stage:
    """A mesh that runs, its load, and all who watch and disturb it."""

    mesh: LiveMesh
    callers: Sequence[Caller]
    mark: str
    load: Load
    killer: Killer
    listeners: dict[str, list[Listener]]


async def run(
    seconds: float, seed: int, folder: Path, *, replicas: int, say: Say = lambda _: None
) -> Report:
    """Disturb a mesh of its own for some seconds; what it keeps and logs is in the folder."""
    async with (
        _stage(folder, seed, replicas) as stage,
        _meanwhile(stage.killer.keep_up()) as mesh_is_kept,
    ):
        every = [one for listeners in stage.listeners.values() for one in listeners]
        async with _meanwhile(*(one.run() for one in every), _tell(stage, say)):
            async with _meanwhile(stage.load.run()):
                await stage.killer.run(seconds)
            say(f"no more disturbances after {stage.killer.kills} kills; coming to rest")
            report = await _judge(stage, seed)
        mesh_is_kept.cancel()
        await stage.mesh.stop()
        report.violations += await remains.within(REMAINS_S, remains.processes(stage.mark))
    return report


@contextlib.asynccontextmanager
async def _stage(folder: Path, seed: int, replicas: int) -> AsyncIterator[_Stage]:
    mark = folder / "tmp"
    mark.mkdir()
    settings = {**_SETTINGS, "ADJUTANT_REPLICAS": str(replicas), MARK: str(mark)}
    mesh = LiveMesh(folder / "mesh", settings)
    await mesh.start()
    callers = [
        Caller(mesh.port_base + REPLICA_STRIDE * number, mesh.data_dir)
        for number in range(replicas)
    ]
    try:
        for project in PROJECTS:
            await callers[0].make_project(project)
        chance = random.Random(seed)
        listeners = {project: _listeners(callers, project, chance) for project in PROJECTS}
        yield _Stage(
            mesh=mesh,
            callers=callers,
            mark=str(mark),
            load=Load(
                callers=callers,
                projects=PROJECTS,
                folder=folder / "marks",
                repository=make_repository(folder / "repository"),
                chance=random.Random(chance.randrange(2**32)),
            ),
            killer=Killer(
                mesh,
                str(mark),
                random.Random(chance.randrange(2**32)),
                LEASE_S,
                lambda: sum(len(one.events) for all_ in listeners.values() for one in all_),
            ),
            listeners=listeners,
        )
    finally:
        for caller in callers:
            await caller.close()
        await mesh.stop()
        for one in of_mesh(str(mark)):  # of a run that was broken off, or whose mesh left it
            one.process.kill()


def _listeners(callers: Sequence[Caller], project: str, chance: random.Random) -> list[Listener]:
    return [
        Listener(f"who follows {project}", on_project(callers, project)),
        Listener(
            f"who hangs up on {project}",
            on_project(callers, project),
            random.Random(chance.randrange(2**32)),
        ),
    ]


async def _judge(stage: _Stage, seed: int) -> Report:
    """Let everything come to rest, and look at what there is."""
    await stage.load.settle(SETTLE_S)
    at_rest = await _tasks(stage.callers)
    await stage.load.answer_the_rest(SETTLE_S)
    at_end = await _tasks(stage.callers)
    left = await remains.within(REMAINS_S, remains.jobs(stage.mark, len(stage.callers)))
    left += await remains.within(REMAINS_S, remains.folders(stage.mesh.data_dir))
    log = await _log(stage, left)
    await _heard(stage, log)
    scene = Scene(
        works=stage.load.works,
        timetables=stage.load.timetables,
        at_rest=at_rest,
        at_end=at_end,
        log=log,
        listeners=stage.listeners,
        killer=stage.killer,
    )
    return Report(
        seed=seed,
        kills=stage.killer.kills,
        tasks=len(at_end),
        events=sum(map(len, log.values())),
        violations=[*violations(scene), *left],
        disturbances=[str(one) for one in stage.killer.done],
    )


async def _log(stage: _Stage, left: list[str]) -> dict[str, list[event_pb2.Event]]:
    """Return what the log holds of each project, and see that no lease is left."""
    event_log = await remains.open_log(stage.mesh)
    try:
        left += await remains.within(LEASE_S + REMAINS_S, remains.leases(event_log))
        return {project: await remains.events_of(event_log, project) for project in PROJECTS}
    finally:
        await event_log.close()


async def _heard(stage: _Stage, log: Mapping[str, Sequence[event_pb2.Event]]) -> None:
    """Wait, for a while, until everybody has heard as much as the log holds; latecomers too."""
    late = {
        project: Listener(f"who comes late to {project}", on_project(stage.callers, project))
        for project in PROJECTS
    }
    for project, listener in late.items():
        stage.listeners[project].append(listener)

    async def behind() -> list[str]:
        return [
            listener.name
            for project, listeners in stage.listeners.items()
            for listener in listeners
            if len(listener.events) < len(log[project])
        ]

    async with _meanwhile(*(listener.run() for listener in late.values())):
        await remains.within(REMAINS_S, behind)


async def _tasks(callers: Sequence[Caller]) -> dict[str, task_pb2.Task]:
    """Return every task that there is, by its name."""
    found: dict[str, task_pb2.Task] = {}
    for project in PROJECTS:
        request = task_service_pb2.ListTasksRequest(parent=project, page_size=500)
        while True:
            page = await user.call(callers, "tasks.ListTasks", request)
            found |= {task.name: task for task in page.tasks}
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
    return found


async def _tell(stage: _Stage, say: Say) -> None:
    """Say again and again how far it is."""
    while True:
        await asyncio.sleep(_TELL_S)
        heard = sum(len(listeners[0].events) for listeners in stage.listeners.values())
        killer = stage.killer
        say(
            f"{time.monotonic() - killer.began:4.0f} s: {killer.kills} kills,"
            f" {len(killer.done) - killer.kills} stops, {len(stage.load.works)} tasks accepted,"
            f" {stage.load.ended} ended, {heard} events heard"
        )


@contextlib.asynccontextmanager
async def _meanwhile(*works: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[Any]]:
    """Run coroutines while the block runs; what one failed with, the block's end raises."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield tasks[0]
    finally:
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
