"""What there is from the beginning."""

import logging
from typing import Any, Final

from services.mesh.errors import AdjutantError
from services.mesh.names import parent_of
from services.mesh.store import Collection, Store, now
from services.orchestrator.task import TASKS
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.project import PROJECTS

DEFAULT_PROJECT: Final = "clients/default/projects/default"
log = logging.getLogger(__name__)


async def make_defaults(store: Store, directory: Directory, *, default_project: bool) -> None:
    """Make the default project, and those that tasks of an older version stand in.

    What was removed is not made again.
    """
    projects = {DEFAULT_PROJECT} if default_project else set()
    if not [client async for client in store.scan(CLIENTS, {})]:
        projects |= {parent_of(task.name) async for task in store.scan(TASKS, {})}
    for project in sorted(projects):
        await _make(store, directory, CLIENTS, parent_of(project))
        await _make(store, directory, PROJECTS, project)


async def _make(store: Store, directory: Directory, collection: Collection[Any], name: str) -> None:
    if await store.find(collection, name) is not None:
        return
    time = now()
    try:
        await directory.insert(
            collection, collection.record(name=name, create_time=time, update_time=time)
        )
    except AdjutantError as error:  # another replica was faster
        if error.reason != "ALREADY_EXISTS":
            raise
