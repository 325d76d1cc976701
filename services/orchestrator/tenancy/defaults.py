"""What there is from the beginning."""

from typing import Final

from services.mesh.errors import AdjutantError
from services.mesh.names import parent_of
from services.mesh.store import Collection, Store, now
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.node import ACTIVE, N
from services.orchestrator.tenancy.project import PROJECTS

DEFAULT_PROJECT: Final = "clients/default/projects/default"


async def make_defaults(store: Store, directory: Directory, *, default_project: bool) -> None:
    """Make the default project, and those that tasks of an older version stand in.

    What was removed is not made again.
    """
    projects = {DEFAULT_PROJECT} if default_project else set()
    if not [client async for client in store.scan(CLIENTS, {})]:
        projects |= {parent_of(task.name) async for task in store.scan(TASKS, {})}
    for project in sorted(projects):
        client = await store.find(CLIENTS, parent_of(project))
        if client is None or client.is_active:
            await _make(store, directory, PROJECTS, project)
    # Clients last: as long as there is none, a start that was cut off is begun again, and
    # when there is one, the projects say which others there must be.
    made = {parent_of(each.name) async for each in store.scan(PROJECTS, {"state": (ACTIVE,)})}
    for client_name in sorted(made):
        await _make(store, directory, CLIENTS, client_name)


async def _make(store: Store, directory: Directory, collection: Collection[N], name: str) -> N:
    if known := await store.find(collection, name):
        return known
    time = now()
    record = collection.record(name=name, create_time=time, update_time=time)
    try:
        return (await directory.insert(collection, record))[0]
    except AdjutantError as error:
        if error.reason != "ALREADY_EXISTS":
            raise
        return await store.get(collection, name)  # another replica was faster
