"""API keys over the wire."""

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

from adjutant.common.v1 import access_pb2
from adjutant.orchestrator.v1 import api_key_pb2, task_pb2, task_service_pb2
from adjutant.orchestrator.v1 import api_key_service_pb2 as pb
from tests.integration.tenancy.conftest import CLIENT, PROJECT, As, House, eventually, refused
from tests.support.stores import on_both_stores


async def submit(who: As, parent: str = PROJECT, **fields: Any) -> task_pb2.Task:
    request = task_service_pb2.SubmitTaskRequest(
        parent=parent, instructions="# a\n\n- [x] done", **fields
    )
    return (await who.tasks.SubmitTask(request)).task  # type: ignore[no-any-return]


def wanted(**fields: Any) -> pb.CreateApiKeyRequest:
    key = api_key_pb2.ApiKey(role=access_pb2.ROLE_AGENT, display_name="ci")
    key.MergeFrom(api_key_pb2.ApiKey(**fields))
    return pb.CreateApiKeyRequest(parent=PROJECT, api_key=key)


async def test_a_key_works_where_it_is_good_for_until_it_is_revoked(house: House) -> None:
    elsewhere = await house.owner.project(CLIENT, "api")
    name, token = await house.owner.key(PROJECT, "AGENT")
    agent = house.with_token(token)
    assert (await submit(agent)).submitter == name
    assert (await refused(submit(agent, elsewhere)))[0] == "PERMISSION_DENIED"
    revoked = (await house.owner.keys.RevokeApiKey(pb.RevokeApiKeyRequest(name=name))).api_key
    assert revoked.HasField("revoke_time")
    again = (await house.owner.keys.RevokeApiKey(pb.RevokeApiKeyRequest(name=name))).api_key
    assert again == revoked

    async def is_refused() -> bool:
        try:
            await submit(agent)
        except Exception:
            return True
        return False

    await eventually(is_refused)
    assert (await refused(submit(agent)))[0] == "INVALID_CREDENTIAL"


async def test_a_token_is_shown_once_and_is_nowhere_on_disk(house: House) -> None:
    request = wanted()
    request.request_id = "once"
    first = await house.owner.keys.CreateApiKey(request)
    again = await house.owner.keys.CreateApiKey(request)
    assert first.token
    assert again.token == ""
    assert again.api_key == first.api_key
    assert first.api_key.creator == "users/owner"
    secret = first.token.rpartition("_")[2].encode()
    files = [path for path in house.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if secret in path.read_bytes()]


async def test_a_key_cannot_have_what_its_role_or_no_key_has(house: House) -> None:
    for permission in (
        access_pb2.PERMISSION_APPROVALS_DECIDE,
        access_pb2.PERMISSION_MEMBERS_MANAGE,
        access_pb2.PERMISSION_KEYS_MANAGE,
        access_pb2.PERMISSION_MESH_MANAGE,
    ):
        reason, message = await refused(
            house.owner.keys.CreateApiKey(wanted(permissions=[permission]))
        )
        assert reason == "INVALID_REQUEST"
        assert access_pb2.Permission.Name(permission) in message


async def test_the_past_is_no_time_to_end(house: House) -> None:
    request = wanted()
    request.api_key.expire_time.FromDatetime(datetime.now(UTC) - timedelta(seconds=1))
    assert (await refused(house.owner.keys.CreateApiKey(request)))[0] == "INVALID_REQUEST"


async def test_a_narrowed_key_may_do_no_more(house: House) -> None:
    request = wanted(permissions=[access_pb2.PERMISSION_TASKS_READ])
    made = await house.owner.keys.CreateApiKey(request)
    assert made.api_key.permissions == [access_pb2.PERMISSION_TASKS_READ]
    reader = house.with_token(made.token)
    listed = await reader.tasks.ListTasks(task_service_pb2.ListTasksRequest(parent=PROJECT))
    assert not listed.tasks
    assert (await refused(submit(reader)))[0] == "PERMISSION_DENIED"


async def test_keys_are_listed_with_those_revoked(house: House) -> None:
    one, _ = await house.owner.key(PROJECT, "AGENT", display_name="one")
    two, _ = await house.owner.key(PROJECT, "VIEWER", display_name="two")
    await house.owner.revoke(one)
    listed = await house.owner.keys.ListApiKeys(pb.ListApiKeysRequest(parent=PROJECT))
    assert [key.name for key in listed.api_keys] == [two, one]
    filtered = pb.ListApiKeysRequest(parent=PROJECT, filter='display_name = "two"')
    assert [k.name for k in (await house.owner.keys.ListApiKeys(filtered)).api_keys] == [two]
    assert not (await house.owner.keys.ListApiKeys(pb.ListApiKeysRequest(parent=CLIENT))).api_keys


@on_both_stores
async def test_the_last_use_of_a_key_is_known(house: House) -> None:
    name, token = await house.owner.key(PROJECT, "AGENT")

    async def key() -> api_key_pb2.ApiKey:
        request = pb.GetApiKeyRequest(name=name)
        return (await house.owner.keys.GetApiKey(request)).api_key  # type: ignore[no-any-return]

    before = await key()
    assert not before.HasField("last_used_time")
    started = datetime.now(UTC)
    await submit(house.with_token(token))

    async def is_used() -> bool:
        return (await key()).HasField("last_used_time")

    await eventually(is_used)
    after = await key()
    used = after.last_used_time.ToDatetime(UTC)
    assert started - timedelta(seconds=1) <= used <= datetime.now(UTC)
    assert after.etag == before.etag  # to be used is no change of the key


async def test_an_agent_cannot_approve_its_own_work(house: House) -> None:
    _, token = await house.owner.key(PROJECT, "AGENT")
    approve = task_pb2.APPROVAL_POLICY_APPROVE
    reason, _ = await refused(submit(house.with_token(token), approval_policy=approve))
    assert reason == "PERMISSION_DENIED"
    _, token = await house.owner.key(PROJECT, "EDITOR")
    made = await submit(house.with_token(token), approval_policy=approve)
    assert made.approval_policy == approve


async def test_what_is_kept_of_a_key_is_a_digest(house: House) -> None:
    await house.owner.key(PROJECT, "AGENT")
    database = sqlite3.connect(house.folder / "orchestrator" / "store.db")
    (body,) = database.execute('SELECT body FROM "apiKeys"').fetchone()
    database.close()
    assert '"digest"' in body
    assert '"token"' not in body
