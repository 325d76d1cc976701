"""Who may do what, given and taken over the wire."""

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import (
    identity_service_pb2,
    project_pb2,
    project_service_pb2,
    settings_pb2,
    task_pb2,
)
from adjutant.orchestrator.v1 import member_service_pb2 as pb
from tests.integration.tenancy.conftest import CLIENT, PROJECT, As, House, refused


async def read(who: As, name: str = PROJECT) -> str:
    request = project_service_pb2.GetProjectRequest(name=name)
    return (await who.projects.GetProject(request)).project.name  # type: ignore[no-any-return]


async def members(house: House, parent: str, **query: str) -> list[tuple[str, int]]:
    request = pb.ListMembersRequest(parent=parent, **query)  # type: ignore[arg-type]
    found = (await house.owner.members.ListMembers(request)).members
    return [(member.principal, member.role) for member in found]


async def remove(who: As, parent: str, subject: str) -> None:
    await who.members.RemoveMember(
        pb.RemoveMemberRequest(parent=parent, principal=f"users/{subject}")
    )


async def test_a_role_given_is_there_at_once_and_gone_when_taken(house: House) -> None:
    ada = house.person("ada")
    assert (await refused(read(ada)))[0] == "PERMISSION_DENIED"
    await house.owner.member(PROJECT, "ada", "VIEWER")
    assert await read(ada) == PROJECT
    await remove(house.owner, PROJECT, "ada")
    assert (await refused(read(ada)))[0] == "PERMISSION_DENIED"


async def test_a_role_holds_below_and_not_beside(house: House) -> None:
    group = await house.owner.group(CLIENT, "shops")
    inside = await house.owner.project(CLIENT, "api", group)
    await house.owner.member(group, "ada", "VIEWER")
    ada = house.person("ada")
    assert await read(ada, inside) == inside
    assert (await refused(read(ada)))[0] == "PERMISSION_DENIED"


async def test_members_are_listed_with_filters_orders_and_pages(house: House) -> None:
    for subject, role in (("ada", "OWNER"), ("bob", "VIEWER"), ("cyd", "VIEWER")):
        await house.owner.member(PROJECT, subject, role)
    assert await members(house, PROJECT, order_by="principal") == [
        ("users/ada", access_pb2.ROLE_OWNER),
        ("users/bob", access_pb2.ROLE_VIEWER),
        ("users/cyd", access_pb2.ROLE_VIEWER),
    ]
    assert len(await members(house, PROJECT, filter='role = "VIEWER"')) == 2
    first = await house.owner.members.ListMembers(
        pb.ListMembersRequest(parent=PROJECT, page_size=2)
    )
    rest = await house.owner.members.ListMembers(
        pb.ListMembersRequest(parent=PROJECT, page_size=2, page_token=first.next_page_token)
    )
    assert [m.principal for m in (*first.members, *rest.members)] == [
        "users/cyd",
        "users/bob",
        "users/ada",
    ]
    assert not rest.next_page_token


async def test_a_client_keeps_an_owner(house: House) -> None:
    await house.owner.member(CLIENT, "ada", "OWNER")
    assert (await refused(remove(house.owner, CLIENT, "ada")))[0] == "LAST_OWNER"
    assert (await refused(house.owner.member(CLIENT, "ada", "EDITOR")))[0] == "LAST_OWNER"
    await house.owner.member(CLIENT, "bob", "OWNER")
    await remove(house.owner, CLIENT, "ada")
    assert await members(house, CLIENT) == [("users/bob", access_pb2.ROLE_OWNER)]


async def test_a_project_may_be_without_an_owner(house: House) -> None:
    await house.owner.member(PROJECT, "ada", "OWNER")
    await remove(house.owner, PROJECT, "ada")
    assert await members(house, PROJECT) == []


async def test_somebody_who_is_no_member_cannot_be_taken_out(house: House) -> None:
    assert (await refused(remove(house.owner, PROJECT, "nobody")))[0] == "NOT_FOUND"


async def test_a_project_owner_cannot_move_it_into_a_group_that_is_not_theirs(
    house: House,
) -> None:
    group = await house.owner.group(CLIENT, "secrets")
    await house.owner.member(PROJECT, "ada", "OWNER")
    request = project_service_pb2.UpdateProjectRequest(
        name=PROJECT, project=project_pb2.Project(group=group)
    )
    ada = house.person("ada")
    assert (await refused(ada.projects.UpdateProject(request)))[0] == "PERMISSION_DENIED"
    await house.owner.member(group, "ada", "OWNER")
    moved = (await ada.projects.UpdateProject(request)).project
    assert moved.group == group
    # What is in the group already may be sent as it was read.
    await remove(house.owner, group, "ada")
    again = project_service_pb2.UpdateProjectRequest(name=PROJECT, project=moved)
    again.project.display_name = "Web"
    assert (await ada.projects.UpdateProject(again)).project.display_name == "Web"


async def test_somebody_who_may_not_approve_cannot_have_the_settings_approve(house: House) -> None:
    request = project_service_pb2.UpdateProjectRequest(
        name=PROJECT,
        project=project_pb2.Project(
            settings=settings_pb2.Settings(approval_policy=task_pb2.APPROVAL_POLICY_APPROVE)
        ),
    )
    narrow = await narrowed(house, access_pb2.PERMISSION_HIERARCHY_MANAGE)
    assert (await refused(narrow.projects.UpdateProject(request)))[0] == "PERMISSION_DENIED"
    _, token = await house.owner.key(PROJECT, "OWNER")
    whole = house.with_token(token)
    assert (await whole.projects.UpdateProject(request)).project.name == PROJECT


async def narrowed(house: House, *permissions: int) -> As:
    """Return whoever has a key of an owner with some permissions alone."""
    from adjutant.orchestrator.v1 import api_key_pb2, api_key_service_pb2

    key = api_key_pb2.ApiKey(role=access_pb2.ROLE_OWNER, permissions=permissions)  # type: ignore[arg-type]
    request = api_key_service_pb2.CreateApiKeyRequest(parent=PROJECT, api_key=key)
    return house.with_token((await house.owner.keys.CreateApiKey(request)).token)


async def test_callers_are_told_who_they_are(house: House) -> None:
    await house.owner.member(CLIENT, "ada", "EDITOR")
    await house.owner.member(PROJECT, "ada", "OWNER")
    ask = identity_service_pb2.GetIdentityRequest()
    found = await house.person("ada").identity.GetIdentity(ask)
    assert (found.principal, found.administrator) == ("users/ada", False)
    assert found.HasField("expire_time")
    assert [(grant.resource, grant.role) for grant in found.grants] == [
        (CLIENT, access_pb2.ROLE_EDITOR),
        (PROJECT, access_pb2.ROLE_OWNER),
    ]
    owner = await house.owner.identity.GetIdentity(ask)
    assert (owner.principal, owner.administrator) == ("users/owner", True)
    name, token = await house.owner.key(PROJECT, "AGENT")
    key = await house.with_token(token).identity.GetIdentity(ask)
    assert (key.principal, key.credential) == (name, name)
    assert [(g.resource, g.role) for g in key.grants] == [(PROJECT, access_pb2.ROLE_AGENT)]
