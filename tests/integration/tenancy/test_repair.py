"""Every service knows who may do what, whatever was lost on the way."""

import asyncio

from nats.js.errors import BucketNotFoundError

from adjutant.orchestrator.v1 import project_service_pb2, task_service_pb2
from services.mesh.access.bucket import BUCKET, PolicyBucket
from services.mesh.config import MeshSettings
from services.mesh.embedded import EmbeddedNats
from services.mesh.events import EventLog
from services.mesh.store import now, open_store
from services.orchestrator.app import COLLECTIONS
from services.orchestrator.tasks.task import TASKS, TaskRecord
from services.orchestrator.tenancy.node import MemberRecord, announce
from services.orchestrator.tenancy.project import PROJECTS, ProjectRecord
from tests.integration.tenancy.conftest import PROJECT, House, eventually


async def read(house: House, name: str) -> str:
    request = project_service_pb2.GetProjectRequest(name=name)
    return (await house.owner.projects.GetProject(request)).project.name  # type: ignore[no-any-return]


async def test_a_lost_bucket_is_filled_again_at_the_start(house: House) -> None:
    await house.owner.member(PROJECT, "ada", "VIEWER")
    await house.stop()
    log = await EventLog.connect(MeshSettings(data_dir=house.folder, port_base=house.port_base))
    await log.jetstream.delete_key_value(BUCKET)
    await house.start()

    async def is_back() -> bool:
        try:
            node = await PolicyBucket(log).get(PROJECT)
        except BucketNotFoundError:
            return False
        return node is not None and getattr(node, "members", {}) == {"users/ada": "VIEWER"}

    await eventually(is_back)
    await log.close()
    request = project_service_pb2.GetProjectRequest(name=PROJECT)
    ada = house.person("ada")
    assert (await ada.projects.GetProject(request)).project.name == PROJECT


async def test_what_a_crash_left_between_commit_and_bucket_is_made_up_for(house: House) -> None:
    await house.stop()
    # As if the process had died right after its commit: the record and its event are there,
    # and the bucket knows nothing.
    store = await open_store(house.folder / "orchestrator" / "store.db", COLLECTIONS)

    def change(project: ProjectRecord) -> list[object]:
        project.members["users/ada"] = MemberRecord(role="VIEWER", create_time=now())
        return [announce(PROJECT, "UPDATED")]

    await store.update(PROJECTS, PROJECT, change)  # type: ignore[arg-type]
    await store.close()
    await house.start()
    request = project_service_pb2.GetProjectRequest(name=PROJECT)
    ada = house.person("ada")

    async def is_known() -> bool:
        try:
            await ada.projects.GetProject(request)
        except Exception:
            return False
        return True

    await eventually(is_known)


async def test_projects_that_tasks_of_an_older_version_stand_in_are_adopted(house: House) -> None:
    await house.stop()
    path = house.folder / "orchestrator" / "store.db"
    for each in house.folder.joinpath("orchestrator").glob("store.db*"):
        each.unlink()
    store = await open_store(path, [TASKS])
    old = TaskRecord(
        name="clients/old/projects/site/tasks/t",
        create_time=now(),
        update_time=now(),
        news_time=now(),
        title="a",
        instructions="- [x] a",
        state="COMPLETED",
    )
    await store.insert(TASKS, old)
    await store.close()
    await house.start()
    assert await read(house, "clients/old/projects/site") == "clients/old/projects/site"
    got = await house.owner.tasks.GetTask(task_service_pb2.GetTaskRequest(name=old.name))
    assert (got.task.name, got.task.submitter) == (old.name, "")


async def test_a_change_is_accepted_while_the_event_log_is_away(house: House) -> None:
    assert house.nats
    owner = house.owner
    await read(house, PROJECT)
    await house.nats.stop()
    await asyncio.wait_for(owner.member(PROJECT, "ada", "VIEWER"), 15)
    nats = await EmbeddedNats.start(house.folder, house.port_base)
    ada = house.person("ada")
    request = project_service_pb2.GetProjectRequest(name=PROJECT)

    async def is_known() -> bool:
        try:
            await ada.projects.GetProject(request)
        except Exception:
            return False
        return True

    await eventually(is_known, timeout_s=30)
    await house.stop()
    await nats.stop()
