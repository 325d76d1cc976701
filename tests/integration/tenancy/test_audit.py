"""The audit log as it is listed over the wire."""

from pathlib import Path

from adjutant.common.v1 import access_pb2, error_reason_pb2
from adjutant.event.v1 import access_events_pb2
from adjutant.orchestrator.v1 import audit_entry_pb2, project_service_pb2
from adjutant.orchestrator.v1 import audit_service_pb2 as pb
from services.mesh.events import new_event
from services.mesh.store import open_store
from services.orchestrator.tenancy.api_key import API_KEYS, KEY_USES
from services.orchestrator.tenancy.audit import AUDIT_ENTRIES, Audit
from tests.integration.tenancy.conftest import CLIENT, PROJECT, As, House, eventually, refused
from tests.support.stores import on_both_stores

SERVICE = "adjutant.orchestrator.v1"


async def entries(who: As, parent: str = "", **query: str) -> list[audit_entry_pb2.AuditEntry]:
    request = pb.ListAuditEntriesRequest(parent=parent, page_size=500, **query)
    return list((await who.audit.ListAuditEntries(request)).entries)


async def methods(who: As, parent: str = "", **query: str) -> list[str]:
    return [entry.method.rpartition("/")[2] for entry in await entries(who, parent, **query)]


async def test_a_change_is_told_with_who_made_it(house: House) -> None:
    await house.owner.member(PROJECT, "ada", "VIEWER")

    async def found() -> list[audit_entry_pb2.AuditEntry]:
        return await entries(house.owner, PROJECT, filter='kind = "CHANGE"')

    (entry,) = await eventually(found)
    assert entry.principal == "users/owner"
    assert entry.method == f"{SERVICE}.MemberService/SetMember"
    assert entry.resource == PROJECT
    assert entry.service == "orchestrator"
    assert entry.name.startswith("auditEntries/")
    assert entry.count == 1
    said = {detail.field: detail.value for detail in entry.details}
    assert said == {"principal": "users/ada", "role": "ROLE_VIEWER"}


async def test_a_refusal_is_told_to_the_owners_of_what_was_asked_for(house: House) -> None:
    await house.owner.member(PROJECT, "ada", "OWNER")
    mallory = house.person("mallory")
    await refused(mallory.projects.GetProject(project_service_pb2.GetProjectRequest(name=PROJECT)))

    async def found() -> list[audit_entry_pb2.AuditEntry]:
        return await entries(house.person("ada"), PROJECT, filter='principal = "users/mallory"')

    (entry,) = await eventually(found)
    assert entry.kind == access_pb2.AUDIT_KIND_DENIAL
    assert entry.denial == error_reason_pb2.ERROR_REASON_PERMISSION_DENIED


async def test_each_sees_what_is_theirs(house: House) -> None:
    await house.owner.client("other")
    beside = await house.owner.project(CLIENT, "api")
    for parent, subject in ((CLIENT, "c"), (PROJECT, "p"), (beside, "b"), ("clients/other", "o")):
        await house.owner.member(parent, subject, "OWNER")

    async def complete() -> bool:
        return (await methods(house.owner)).count("SetMember") == 4

    await eventually(complete)
    assert (await methods(house.person("p"), PROJECT)).count("SetMember") == 1
    assert (await methods(house.person("c"), CLIENT)).count("SetMember") == 3
    assert (await methods(house.person("o"), "clients/other")).count("SetMember") == 1
    for subject, parent in (("p", CLIENT), ("c", ""), ("o", CLIENT), ("p", beside)):
        assert (await refused(entries(house.person(subject), parent)))[0] == "PERMISSION_DENIED"


async def test_entries_are_listed_in_order_and_in_pages(house: House) -> None:
    for number in range(5):
        await house.owner.member(PROJECT, f"u-{number}", "VIEWER")

    async def complete() -> bool:
        return len(await entries(house.owner, PROJECT, filter='kind = "CHANGE"')) == 5

    await eventually(complete)
    seen: list[audit_entry_pb2.AuditEntry] = []
    token = ""
    while True:
        request = pb.ListAuditEntriesRequest(
            parent=PROJECT, page_size=2, page_token=token, filter='kind = "CHANGE"'
        )
        page = await house.owner.audit.ListAuditEntries(request)
        seen += page.entries
        if not (token := page.next_page_token):
            break
    assert len({entry.name for entry in seen}) == 5
    times = [entry.time.ToNanoseconds() for entry in seen]
    assert times == sorted(times, reverse=True)
    since = seen[1].time.ToJsonString()
    later = await entries(house.owner, PROJECT, filter=f'kind = "CHANGE" AND time >= "{since}"')
    assert len(later) == 2
    asked = await entries(house.owner, PROJECT, filter='kind = "CHANGE"', order_by="time asc")
    assert [entry.name for entry in asked] == [entry.name for entry in reversed(seen)]


@on_both_stores
async def test_what_was_done_in_a_project_is_told_after_its_end(house: House) -> None:
    await house.owner.projects.DeleteProject(project_service_pb2.DeleteProjectRequest(name=PROJECT))

    async def told() -> bool:
        return "DeleteProject" in await methods(house.owner, CLIENT, filter='kind = "DELETION"')

    await eventually(told)


async def test_entries_that_are_too_old_are_forgotten(tmp_path: Path) -> None:
    store = await open_store(tmp_path / "store.db", (AUDIT_ENTRIES, API_KEYS, KEY_USES))
    audit = Audit(store)
    for _ in range(3):
        entry = access_events_pb2.AuditRecorded(kind=access_pb2.AUDIT_KIND_CHANGE)
        await audit.on_entry(new_event(resource=PROJECT, audit_recorded=entry))
    kept = [found async for found in store.scan(AUDIT_ENTRIES, {})]
    await audit.forget(kept[2].create_time)
    assert [found.name async for found in store.scan(AUDIT_ENTRIES, {})] == [kept[2].name]
    await store.close()
