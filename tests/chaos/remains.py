"""What must not be left when everything is over: processes, leases, folders."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from nats.js.errors import NoKeysError

from adjutant.event.v1 import event_pb2
from services.mesh.config import MeshSettings
from services.mesh.events import EventLog
from services.mesh.events.envelope import subject_of_project
from services.mesh.lease import BUCKET
from tests.chaos.parts import JOB, of_mesh
from tests.support.processes import LiveMesh

_LOOK_S: Final = 0.2
MOST_SPARES: Final = 4
"""Shims that a spawner keeps waiting."""


async def within(timeout_s: float, look: Callable[[], Awaitable[list[str]]]) -> list[str]:
    """Return what a look finds wrong, once it finds nothing or the time is over."""
    until = time.monotonic() + timeout_s
    while (found := await look()) and time.monotonic() < until:
        await asyncio.sleep(_LOOK_S)
    return found


def jobs(mark: str, replicas: int) -> Callable[[], Awaitable[list[str]]]:
    """Return what looks for jobs and their shims, and for parts that are there too often."""

    async def look() -> list[str]:
        found = list(of_mesh(mark))
        left = [f"left of a job: {one}" for one in found if one.part in (JOB, "shim")]
        counted = Counter(one.part for one in found)
        for part, count in counted.items():
            most = {"spare": MOST_SPARES * replicas, "spawner": replicas}.get(part, 1)
            if part not in (JOB, "shim") and count > most:
                left.append(f"there are {count} of {part}")
        return left

    return look


def processes(mark: str) -> Callable[[], Awaitable[list[str]]]:
    """Return what looks for any process of the mesh, once it was stopped."""

    async def look() -> list[str]:
        return [f"left of the mesh: {one}" for one in of_mesh(mark)]

    return look


def folders(data_dir: Path) -> Callable[[], Awaitable[list[str]]]:
    """Return what looks for folders of runs that have ended."""

    async def look() -> list[str]:
        return [f"left on disk: {path}" for path in (data_dir / "agent_runner" / "runs").iterdir()]

    return look


def leases(event_log: EventLog) -> Callable[[], Awaitable[list[str]]]:
    """Return what looks for leases."""

    async def look() -> list[str]:
        bucket = await event_log.jetstream.key_value(BUCKET)
        try:
            return [f"the lease {key} is still held" for key in await bucket.keys()]
        except NoKeysError:
            return []

    return look


async def open_log(mesh: LiveMesh) -> EventLog:
    """Connect to a mesh's event log; close it when done."""
    settings = MeshSettings(data_dir=mesh.data_dir, port_base=mesh.port_base)
    return await EventLog.connect(settings)


async def events_of(event_log: EventLog, project: str) -> list[event_pb2.Event]:
    """Return what the log holds of a project, by reading the log itself."""
    state = await event_log.state()
    subject = f"{subject_of_project(project)}.>"
    entries = event_log.read([subject], state.first_sequence, state.last_sequence)
    return [entry.event async for entry in entries]
