"""Clients, groups and projects over the wire."""

from typing import Any

import grpc
import pytest

from adjutant.orchestrator.v1 import (
    client_pb2,
    connection_pb2,
    connection_service_pb2_grpc,
    project_pb2,
    settings_pb2,
    task_pb2,
)
from adjutant.orchestrator.v1 import client_service_pb2 as client_pb
from adjutant.orchestrator.v1 import connection_service_pb2 as connection_pb
from adjutant.orchestrator.v1 import group_service_pb2 as group_pb
from adjutant.orchestrator.v1 import project_service_pb2 as project_pb
from adjutant.orchestrator.v1 import task_service_pb2 as task_pb
from services.mesh.store import open_store_for
from services.orchestrator.adapters.checkpoints import open_checkpoints
from services.orchestrator.settings import OrchestratorSettings
from services.orchestrator.tasks.task import TASKS
from services.orchestrator.tenancy.api_key import API_KEYS
from tests.integration.tenancy.conftest import CLIENT, PROJECT, House, eventually, refused
from tests.support.stores import on_both_stores

DEFAULT = "clients/default/projects/default"


async def get(house: House, name: str = PROJECT) -> project_pb2.Project:
    request = project_pb.GetProjectRequest(name=name)
    return (await house.owner.projects.GetProject(request)).project  # type: ignore[no-any-return]


async def update(
    house: House, *paths: str, name: str = PROJECT, **fields: object
) -> project_pb2.Project:
    request = project_pb.UpdateProjectRequest(name=name, project=project_pb2.Project(**fields))  # type: ignore[arg-type]
    request.update_mask.paths.extend(paths)
    return (await house.owner.projects.UpdateProject(request)).project  # type: ignore[no-any-return]


async def delete(house: House, name: str = PROJECT) -> None:
    await house.owner.projects.DeleteProject(project_pb.DeleteProjectRequest(name=name))


async def test_what_is_made_can_be_read_listed_and_changed(house: House) -> None:
    made = await get(house)
    assert made.name == PROJECT
    changed = await update(house, display_name="Web shop", description="sells")
    assert (changed.display_name, changed.description) == ("Web shop", "sells")
    assert changed.etag != made.etag
    assert changed.create_time == made.create_time
    await house.owner.project(CLIENT, "api")
    listed = await house.owner.projects.ListProjects(project_pb.ListProjectsRequest(parent=CLIENT))
    assert [project.name for project in listed.projects] == [f"{CLIENT}/projects/api", PROJECT]
    wanted = project_pb.ListProjectsRequest(parent=CLIENT, filter='display_name = "Web shop"')
    assert [p.name for p in (await house.owner.projects.ListProjects(wanted)).projects] == [PROJECT]


async def test_a_client_can_be_read_and_changed(house: House) -> None:
    wanted = client_pb.GetClientRequest(name=CLIENT)
    made = (await house.owner.clients.GetClient(wanted)).client
    request = client_pb.UpdateClientRequest(
        name=CLIENT, client=client_pb2.Client(display_name="Acme Inc", etag=made.etag)
    )
    changed = (await house.owner.clients.UpdateClient(request)).client
    assert (await house.owner.clients.GetClient(wanted)).client == changed
    assert (changed.name, changed.display_name) == (CLIENT, "Acme Inc")
    reason, _ = await refused(house.owner.clients.UpdateClient(request))
    assert reason == "CONCURRENT_CHANGE"  # the etag is that of before


async def test_a_group_can_be_read_and_listed(house: House) -> None:
    request = group_pb.CreateGroupRequest(parent=CLIENT, group_id="shops")
    made = (await house.owner.groups.CreateGroup(request)).group
    read = await house.owner.groups.GetGroup(
        group_pb.GetGroupRequest(name=f"{CLIENT}/groups/shops")
    )
    assert read.group == made
    listed = await house.owner.groups.ListGroups(group_pb.ListGroupsRequest(parent=CLIENT))
    assert list(listed.groups) == [made]


@on_both_stores
async def test_connections_are_listed_and_sealed_anew(house: House) -> None:
    connections: Any = connection_service_pb2_grpc.ConnectionServiceStub(house.owner.channel)
    made = connection_pb2.Connection(uri_prefix="https://git.example/acme")
    create = connection_pb.CreateConnectionRequest(
        parent=CLIENT, connection_id="git", connection=made, secret="not for people"
    )
    created = (await connections.CreateConnection(create)).connection
    assert created.has_secret
    listed = await connections.ListConnections(connection_pb.ListConnectionsRequest(parent=CLIENT))
    assert list(listed.connections) == [created]
    done = await connections.RewrapSecrets(connection_pb.RewrapSecretsRequest())
    assert (done.rewrapped_count, list(done.unreadable)) == (0, [])  # it has the newest key
    assert done.master_key


async def test_lists_come_in_pages(house: House) -> None:
    for number in range(5):
        await house.owner.client(f"c-{number}")
    names, token = [], ""
    while True:
        request = client_pb.ListClientsRequest(page_size=2, page_token=token)
        page = await house.owner.clients.ListClients(request)
        names += [client.name for client in page.clients]
        if not (token := page.next_page_token):
            break
    assert names == [*(f"clients/c-{n}" for n in range(4, -1, -1)), CLIENT, "clients/default"]


async def test_an_empty_mask_changes_what_is_set_and_no_more(house: House) -> None:
    await update(house, display_name="Web", settings=settings_pb2.Settings(share_knowledge=True))
    policy = settings_pb2.Settings(approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    changed = await update(house, settings=policy)
    assert changed.display_name == "Web"
    assert changed.settings.share_knowledge
    assert changed.settings.approval_policy == task_pb2.APPROVAL_POLICY_APPROVE


async def test_a_mask_clears_what_it_names(house: House) -> None:
    await update(house, display_name="Web", settings=settings_pb2.Settings(share_knowledge=True))
    changed = await update(house, "display_name", "settings.share_knowledge")
    assert changed.display_name == ""
    assert not changed.settings.HasField("share_knowledge")


async def test_a_mask_that_names_no_field_is_refused_with_those_that_exist(house: House) -> None:
    reason, message = await refused(update(house, "colour"))
    assert reason == "INVALID_REQUEST"
    assert "'colour'" in message
    assert "settings.approval_policy" in message


async def test_an_old_etag_is_refused(house: House) -> None:
    before = await get(house)
    await update(house, display_name="one")
    assert (await refused(update(house, display_name="two", etag=before.etag)))[0] == (
        "CONCURRENT_CHANGE"
    )
    assert (await get(house)).display_name == "one"


async def test_the_same_request_is_accepted_once(house: House) -> None:
    request = project_pb.CreateProjectRequest(parent=CLIENT, project_id="api", request_id="r-1")
    first = await house.owner.projects.CreateProject(request)
    assert await house.owner.projects.CreateProject(request) == first
    request.project.display_name = "another"
    assert (await refused(house.owner.projects.CreateProject(request)))[0] == "REQUEST_ID_REUSED"
    request.request_id = "r-2"
    assert (await refused(house.owner.projects.CreateProject(request)))[0] == "ALREADY_EXISTS"


async def test_what_is_deleted_is_gone_and_its_id_is_not_given_again(house: House) -> None:
    await delete(house)
    assert (await refused(delete(house)))[0] == "NOT_FOUND"
    assert (await refused(get(house)))[0] == "NOT_FOUND"
    listed = await house.owner.projects.ListProjects(project_pb.ListProjectsRequest(parent=CLIENT))
    assert not listed.projects
    assert (await refused(update(house, display_name="x")))[0] == "NOT_FOUND"
    assert (await refused(house.owner.project(CLIENT, "web")))[0] == "ALREADY_EXISTS"
    submit = task_pb.SubmitTaskRequest(parent=PROJECT, instructions="- [ ] a\n  run: true")
    assert (await refused(house.owner.tasks.SubmitTask(submit)))[0] == "NOT_FOUND"


async def test_a_client_with_projects_cannot_be_deleted(house: House) -> None:
    request = client_pb.DeleteClientRequest(name=CLIENT)
    reason, message = await refused(house.owner.clients.DeleteClient(request))
    assert (reason, "projects" in message) == ("NOT_EMPTY", True)
    await delete(house)
    await house.owner.clients.DeleteClient(request)
    assert (await refused(house.owner.project(CLIENT, "new")))[0] == "NOT_FOUND"


async def test_a_group_with_projects_cannot_be_deleted(house: House) -> None:
    group = await house.owner.group(CLIENT, "shops")
    await update(house, group=group)
    request = group_pb.DeleteGroupRequest(name=group)
    assert (await refused(house.owner.groups.DeleteGroup(request)))[0] == "NOT_EMPTY"
    await update(house, "group")
    await house.owner.groups.DeleteGroup(request)
    assert (await refused(update(house, group=group)))[0] in ("NOT_FOUND", "PERMISSION_DENIED")


async def test_a_group_of_another_client_is_refused(house: House) -> None:
    await house.owner.client("other")
    foreign = await house.owner.group("clients/other", "g")
    assert (await refused(update(house, group=foreign)))[0] == "INVALID_REQUEST"
    assert (await refused(house.owner.project(CLIENT, "x", foreign)))[0] == "INVALID_REQUEST"


async def test_a_project_with_unfinished_tasks_cannot_be_deleted(house: House) -> None:
    # No agent runner is there, so the task goes on until it is cancelled.
    submit = task_pb.SubmitTaskRequest(
        parent=PROJECT, instructions="# Wait\n\n- [ ] a\n  run: true"
    )
    task = (await house.owner.tasks.SubmitTask(submit)).task
    assert (await refused(delete(house)))[0] == "NOT_EMPTY"
    assert (await house.owner.tasks.GetTask(task_pb.GetTaskRequest(name=task.name))).task.name


async def test_what_holds_in_a_project_is_the_nearest_that_was_said(house: House) -> None:
    async def effective() -> project_pb.EffectiveProject:
        request = project_pb.GetEffectiveProjectRequest(name=PROJECT)
        found = await house.owner.projects.GetEffectiveProject(request)
        return found.effective_project  # type: ignore[no-any-return]

    before = await effective()
    assert before.approval_policy == task_pb2.APPROVAL_POLICY_ASK
    assert before.approval_policy_source == ""
    assert before.knowledge_projects == [PROJECT]

    group = await house.owner.group(CLIENT, "shops")
    approve = settings_pb2.Settings(approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
    await house.owner.groups.UpdateGroup(
        group_pb.UpdateGroupRequest(name=group, group={"settings": approve})
    )
    await update(house, group=group)
    api = await house.owner.project(CLIENT, "api", group)
    await house.owner.project(CLIENT, "shy", group)
    await update(house, name=api, settings=settings_pb2.Settings(share_knowledge=True))
    after = await effective()
    assert after.approval_policy == task_pb2.APPROVAL_POLICY_APPROVE
    assert after.approval_policy_source == group
    assert after.knowledge_projects == [PROJECT, api]


async def test_a_default_project_is_there_and_not_made_again(house: House) -> None:
    assert (await get(house, DEFAULT)).name == DEFAULT
    await delete(house, DEFAULT)
    await house.stop()
    await house.start()
    assert (await refused(get(house, DEFAULT)))[0] == "NOT_FOUND"


@on_both_stores
async def test_a_project_is_purged_of_what_was_in_it(house: House) -> None:
    submit = task_pb.SubmitTaskRequest(parent=PROJECT, instructions="# a\n\n- [x] done")
    task = (await house.owner.tasks.SubmitTask(submit)).task
    _, token = await house.owner.key(PROJECT, "AGENT")
    agent = house.with_token(token)
    read = task_pb.GetTaskRequest(name=task.name)

    async def ended() -> bool:
        return bool((await agent.tasks.GetTask(read)).task.HasField("end_time"))

    await eventually(ended)
    await delete(house)
    await eventually(lambda: gone(house, read))
    assert (await refused(agent.tasks.GetTask(read)))[0] in (
        "INVALID_CREDENTIAL",
        "PERMISSION_DENIED",
    )


async def gone(house: House, read: task_pb.GetTaskRequest) -> bool:
    """Tell whether nothing is left of a task in the store."""
    settings = OrchestratorSettings(data_dir=house.folder, **house.settings)
    store = await open_store_for(settings, (TASKS, API_KEYS))
    async with open_checkpoints(settings, store) as saver:
        keys = [key async for key in store.scan(API_KEYS, {})]
        threads = [each async for each in saver.alist({"configurable": {"thread_id": read.name}})]
        left = await store.find(TASKS, read.name)
    await store.close()
    return not keys and not threads and left is None


@pytest.mark.parametrize("subject", ["mallory"])
async def test_a_stranger_learns_nothing(house: House, subject: str) -> None:
    stranger = house.person(subject)
    for name in (PROJECT, f"{CLIENT}/projects/none"):
        request = project_pb.GetProjectRequest(name=name)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stranger.projects.GetProject(request)
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
