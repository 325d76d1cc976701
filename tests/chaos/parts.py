"""Which processes belong to the mesh, and which part of it each of them is."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from services.agent_runner.run import name_of_job

MARK: Final = "TMPDIR"
"""The variable that tells this mesh's processes from those of others: all of them inherit it."""
SERVICES: Final = ("orchestrator", "agent_runner", "notification")
JOB: Final = "job"
"""What is no part of the mesh but works for it."""
_SHIM_NAME: Final = "adjutant-shim"
_SPAWNER_ARGUMENT: Final = "adjutant-spawner"


@dataclass(frozen=True)
class Found:
    """A process of the mesh."""

    part: str
    """`orchestrator`, `orchestrator-1` for its second replica, …, `nats`, `up`, `spawner`; `shim`
    with a job, `spare` without; or `job`."""
    process: psutil.Process

    @property
    def kind(self) -> str:
        """Which part it is a replica of."""
        return self.part.partition("-")[0]

    @property
    def run(self) -> str:
        """The run that a shim keeps, by its name; empty where it keeps none, or has ended."""
        with contextlib.suppress(psutil.Error):
            for file in self.process.open_files():
                folder = Path(file.path).parent
                if folder.parent.name == "runs" and (name := name_of_job(folder.name)):
                    return name
        return ""

    def __str__(self) -> str:
        with contextlib.suppress(psutil.Error):
            return f"{self.part} {self.process.pid} {' '.join(self.process.cmdline())[:100]}"
        return f"{self.part} {self.process.pid}"


def is_still(found: Found) -> bool:
    """Tell whether a process, which may have become another program, is what it was."""
    return _part(found.process) == found.part


def of_mesh(mark: str) -> Iterator[Found]:
    """Yield every process of the mesh whose `MARK` has this value."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                yield Found(_part(process), process)


def _part(process: psutil.Process) -> str:
    command = process.cmdline()
    if _SPAWNER_ARGUMENT in command:
        return _of_spawner(process)
    if Path(command[0]).name == "nats-server":
        return "nats"
    if "services.up" in command:
        return "up"
    for service in SERVICES:
        if f"services.{service}" in command:
            replica = process.environ().get("ADJUTANT_REPLICA", "0")
            return service if replica == "0" else f"{service}-{replica}"
    return JOB


def _of_spawner(process: psutil.Process) -> str:
    """Tell a spawner from what it forked, which has the same command line."""
    parent = process.parent()
    if process.name() == _SHIM_NAME:
        # A job has its shim's name until it becomes its command.
        return JOB if parent and parent.name() == _SHIM_NAME else "shim"
    return "spawner" if parent and "services.agent_runner" in parent.cmdline() else "spare"
