"""What there is from the beginning, whenever the first start was cut off."""

import pathlib
from typing import Any

import pytest

from services.mesh.store import now, open_store
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.tasks.task import TASKS, TaskRecord
from services.orchestrator.tenancy.client import CLIENTS
from services.orchestrator.tenancy.defaults import make_defaults
from services.orchestrator.tenancy.directory import Directory
from services.orchestrator.tenancy.project import PROJECTS

OLD = ("clients/acme/projects/web", "clients/acme/projects/api", "clients/zoo/projects/web")
RECORDS = 7
"""Four projects and three clients, the default ones among them."""


class Nowhere:
    """Puts no policies anywhere."""

    async def put(self, policy: Any) -> None:
        """Forget it."""


class Mortal(Directory):
    """Is killed after so many records."""

    lives = 0

    async def insert(self, *given: Any, **more: Any) -> Any:
        if self.lives == 0:
            raise SystemExit("killed")
        self.lives -= 1
        return await super().insert(*given, **more)


@pytest.mark.parametrize("lives", range(RECORDS))
async def test_a_first_start_that_was_cut_off_is_made_up_for(
    tmp_path: pathlib.Path, lives: int
) -> None:
    store = await open_store(tmp_path / "store.db", COLLECTIONS)
    for parent in OLD:
        task = TaskRecord(
            name=f"{parent}/tasks/t",
            create_time=now(),
            update_time=now(),
            news_time=now(),
            title="a",
            instructions="- [x] a",
        )
        await store.insert(TASKS, task)
    directory = Mortal(store, Nowhere())
    directory.lives = lives
    with pytest.raises(SystemExit):
        await make_defaults(store, directory, default_project=True)
    directory.lives = RECORDS
    await make_defaults(store, directory, default_project=True)
    projects = {project.name async for project in store.scan(PROJECTS, {})}
    assert projects == {*OLD, "clients/default/projects/default"}
    clients = {client.name async for client in store.scan(CLIENTS, {})}
    assert clients == {"clients/acme", "clients/default", "clients/zoo"}
    await store.close()
