"""What holds in a project: the nearest that says anything decides."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.orchestrator.tenancy.client import ClientRecord
from services.orchestrator.tenancy.effective import decide, shared_with
from services.orchestrator.tenancy.group import GroupRecord
from services.orchestrator.tenancy.node import DELETED, SettingsRecord
from services.orchestrator.tenancy.project import ProjectRecord

TIME = datetime(2026, 1, 1, tzinfo=UTC)
GROUP = "clients/a/groups/g"
POLICIES = st.sampled_from([None, "ASK", "APPROVE"])
SHARES = st.sampled_from([None, True, False])


def made(kind: type[Any], name: str, **fields: Any) -> Any:
    settings = SettingsRecord(
        approval_policy=fields.pop("policy", None), share_knowledge=fields.pop("share", None)
    )
    return kind(name=name, create_time=TIME, update_time=TIME, settings=settings, **fields)


@given(st.lists(POLICIES, min_size=1, max_size=4))
def test_the_nearest_that_says_anything_decides(policies: list[str | None]) -> None:
    chain = [made(GroupRecord, f"clients/a/groups/{n}", policy=p) for n, p in enumerate(policies)]
    found = decide(chain, "approval_policy", "ASK")
    said = [(p, node.name) for p, node in zip(policies, chain, strict=True) if p is not None]
    assert (found.value, found.source) == (said[0] if said else ("ASK", ""))


def test_no_is_said_too() -> None:
    chain = [made(ProjectRecord, "p", share=False), made(ClientRecord, "c", share=True)]
    assert decide(chain, "share_knowledge", True) == decide(chain[:1], "share_knowledge", True)
    assert decide(chain, "share_knowledge", True).value is False


@given(
    st.lists(st.tuples(SHARES, st.sampled_from([GROUP, "", "clients/a/groups/h"]), st.booleans())),
    SHARES,
    SHARES,
)
def test_a_project_sees_itself_and_those_of_its_group_that_share(
    others: list[tuple[bool | None, str, bool]], of_group: bool | None, of_client: bool | None
) -> None:
    project = made(ProjectRecord, "clients/a/projects/me", group=GROUP)
    group = made(GroupRecord, GROUP, share=of_group)
    client = made(ClientRecord, "clients/a", share=of_client)
    siblings = [
        made(
            ProjectRecord,
            f"clients/a/projects/p-{n}",
            share=share,
            group=where,
            **({} if is_active else {"state": DELETED}),
        )
        for n, (share, where, is_active) in enumerate(others)
    ]
    seen = shared_with(project, group, client, [project, *siblings])
    assert seen[0] == project.name
    assert len(set(seen)) == len(seen)
    for sibling, (share, where, is_active) in zip(siblings, others, strict=True):
        inherited = of_group if of_group is not None else bool(of_client)
        shares = inherited if share is None else share
        assert (sibling.name in seen) == (is_active and where == GROUP and shares)


def test_a_project_without_a_group_sees_itself_alone() -> None:
    project = made(ProjectRecord, "clients/a/projects/me", share=True)
    other = made(ProjectRecord, "clients/a/projects/other", share=True)
    client = made(ClientRecord, "clients/a", share=True)
    assert shared_with(project, None, client, [project, other]) == (project.name,)
